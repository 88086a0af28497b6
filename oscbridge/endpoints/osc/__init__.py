"""The built-in endpoint type `osc`: an OSC device over UDP or TCP."""
