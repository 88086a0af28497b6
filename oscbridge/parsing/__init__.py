"""Single values of a datagram, as python-osc programs read and write them."""
