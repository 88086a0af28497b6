"""Loads plugins and calls them, each separately: whatever one of them does, the others run."""
