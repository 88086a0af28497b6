"""Expressions that users write in routes, e.g. ``x > 0.5 and ch == 3``. Pure and bounded."""
