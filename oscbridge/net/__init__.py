"""Sockets: URLs, allow lists, reception of datagrams, acceptance of connections."""
