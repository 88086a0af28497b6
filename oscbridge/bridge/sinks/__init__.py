"""The way out: the send queue, connection and runner of each endpoint."""
