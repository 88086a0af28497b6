"""From packets to handlers: addresses, patterns and time tags; no sockets."""
