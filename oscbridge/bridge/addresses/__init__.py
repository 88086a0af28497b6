"""The facts about the addresses of the running system, and who sees which of them."""
