"""The stateful steps of a route, a module for each. They run on the event loop.

Each keeps its state by address, for at most ``max_addresses`` of them; the least recently used
one is forgotten first, which is counted.
"""
