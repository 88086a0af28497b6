"""The plugin contract. Plugins use the names that :mod:`oscbridge` has of it, not these modules."""
