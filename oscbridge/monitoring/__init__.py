"""Around a running bridge: status, metrics, health, the control socket and its clients."""
