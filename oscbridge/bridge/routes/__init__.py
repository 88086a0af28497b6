"""Routes: the pure steps, the steps that remember, and what a route would do."""
