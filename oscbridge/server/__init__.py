"""OSC servers over UDP and TCP: blocking, threading, forking and asyncio."""
