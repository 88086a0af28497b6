"""Sockets, streams, threads, processes: what the servers and clients are made of."""
