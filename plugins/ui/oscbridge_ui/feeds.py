"""What all pages share: the state of the bridge and its values, read once for all of them."""

from __future__ import annotations

from oscbridge.monitoring import Operations
from oscbridge_ui.status_feed import StatusFeed
from oscbridge_ui.value_store import ValueStore

__all__ = ["Feeds"]


class Feeds:
    """Sources of topics. Without pages they do nothing."""

    def __init__(self, operations: Operations) -> None:
        self.values = ValueStore(operations)
        self.status = StatusFeed(operations, lambda: len(self.values))

    def close(self) -> None:
        """Stop."""
        self.status.close()
        self.values.close()
