"""The view Learn."""
