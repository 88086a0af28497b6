"""Operation: how a running bridge is watched and steered, and recordings of what passes."""
