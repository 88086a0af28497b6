"""OSC clients over UDP and TCP."""
