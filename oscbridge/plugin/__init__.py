"""Plugins: what they may hook into, and how they are found, loaded and called."""
