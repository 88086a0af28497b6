"""The state and the counters of a running system at one time, and the metrics made from them."""
