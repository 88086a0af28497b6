"""Who may do what: tokens, their rights, and wrong tokens; the same for every front.

A front is where clients connect from outside: an endpoint with :class:`oscbridge.Guarded`, or
``[http]``.
"""
