"""Edits of the configuration files: made, compared, checked and kept. Nothing here runs."""
