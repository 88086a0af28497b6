"""The view Record: recordings of the bridge, made, kept and played."""
