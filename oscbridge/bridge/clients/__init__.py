"""The clients of a bridge as a sink: who they are, and what each of them is sent."""
