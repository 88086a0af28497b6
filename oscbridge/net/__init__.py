"""Sockets: URLs, allow lists, receiving datagrams, accepting connections."""
