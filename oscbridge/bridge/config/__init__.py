"""The configuration file: its keys, its reader and its problems."""
