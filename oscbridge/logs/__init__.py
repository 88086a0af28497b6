"""Logging: set-up, format, standard error, and output limited in rate."""
