"""The view Routes, and all edits of the configuration."""
