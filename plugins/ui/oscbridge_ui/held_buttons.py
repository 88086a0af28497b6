"""Buttons that a page holds: the bridge releases them when the page is gone."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import Final

from oscbridge import AccessGrant, OSCBridgeError
from oscbridge.monitoring import Operations
from oscbridge_ui.client_messages import SendMessage
from oscbridge_ui.commands import run_command

__all__ = ["HeldButtons"]

MAX_HELD: Final = 64
"""Buttons of one page that are held; of more, the first one is released."""


class HeldButtons:
    """The releases of one page that are still to be sent."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._held: OrderedDict[tuple[str, bool, str], tuple[SendMessage, AccessGrant]] = (
            OrderedDict()
        )

    def sent(self, message: SendMessage, grant: AccessGrant) -> None:
        """Note that the page has sent a message."""
        key = (message.name, message.received, message.address)
        self._held.pop(key, None)
        if (release := message.release) is None:
            return
        if len(self._held) >= MAX_HELD:
            self._send(*self._held.popitem(last=False)[1])
        changes = {"types": release.types, "args": release.args, "release": None}
        self._held[key] = (message.model_copy(update=changes), grant)

    def release(self) -> None:
        """Send all releases: the page is gone, or has lost its access."""
        while self._held:
            self._send(*self._held.popitem(last=False)[1])

    def _send(self, message: SendMessage, grant: AccessGrant) -> None:
        """Send with the access with which the button was pressed."""
        with suppress(OSCBridgeError):  # the endpoint is gone, too
            run_command(message, self._operations, grant)
