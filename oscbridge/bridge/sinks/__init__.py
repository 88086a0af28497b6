"""On the way out: the outbox, the connection and the delivery of an endpoint."""
