"""On the way in: the OSC server of a bridge, in each of its modes."""
