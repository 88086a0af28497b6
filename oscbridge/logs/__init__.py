"""Logging: set-up, formats, standard error, and rate-limited output."""
