"""Text with placeholders, and messages written with them. Pure."""
