"""Recordings of OSC traffic: the file format, writing and playing."""
