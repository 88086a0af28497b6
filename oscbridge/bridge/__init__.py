"""A running system: configuration, sources, routes, endpoints."""
