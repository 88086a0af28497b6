"""Forwarded bundles of which a worker still sends messages."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from oscbridge.bridge.sources.forked.ipc_protocol import Emission
from oscbridge.dispatch.forwarded_tag import ForwardedTag

__all__ = ["OpenBundles"]

MAX_OPEN: Final = 1_024
"""Bundles that are open at once; above it the oldest one counts as complete."""


class OpenBundles:
    """Gives the messages of one bundle one tag, which is complete when its child says so.

    That of a killed child stays open; sinks wait only a short time for it.
    """

    def __init__(self) -> None:
        self._tags: OrderedDict[bytes, ForwardedTag] = OrderedDict()

    def share_tag(self, emission: Emission) -> Emission:
        """The emission with the tag that earlier ones of its bundle have."""
        message = emission.message
        tag = message.timetag
        if not isinstance(tag, ForwardedTag):
            return emission
        tag = self._tags.setdefault(tag.group, tag)
        if len(self._tags) > MAX_OPEN:
            self._tags.popitem(last=False)[1].complete()
        return emission._replace(message=message._replace(timetag=tag))

    def end(self, group: bytes) -> None:
        """Note that no more messages of a bundle follow."""
        tag = self._tags.pop(group, None)
        if tag is not None:
            tag.complete()
