"""The worker process of a forking bridge, and its supervisor."""
