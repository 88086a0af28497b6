"""Publishes messages that nobody acknowledges: at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import oscbridge
from oscbridge_nats.client import NATSClient
from oscbridge_nats.headers import HeaderWriter
from oscbridge_nats.publication import NATSPublication, command

__all__ = ["publish_core"]

MAX_WRITE: Final = 1 << 17
"""Bytes that are written at once, unless one message has more."""


class NotRepeated(oscbridge.BadMessage):
    """A message that was being written when the connection broke: it may have arrived."""

    reason = "disconnected"


async def publish_core(
    client: NATSClient, publications: Sequence[NATSPublication], headers: HeaderWriter
) -> None:
    """Write messages until the system has taken them.

    Raises :class:`oscbridge.PartialDelivery` if the connection breaks: messages that were being
    written are rejected, so that nothing is published twice, and the rest is sent again.
    """
    start = size = 0
    commands: list[bytes] = []
    for end, publication in enumerate(publications):
        made = command(publication, headers.plain(publication.hops))
        if commands and size + len(made) > MAX_WRITE:
            await _write(client, commands, start)
            start, size = end, 0
            commands = []
        commands.append(made)
        size += len(made)
    await _write(client, commands, start)


async def _write(client: NATSClient, commands: Sequence[bytes], start: int) -> None:
    try:
        unsent = client.write(b"".join(commands))
    except oscbridge.NotConnected as error:
        raise oscbridge.PartialDelivery(range(start), {}, error) from None
    if not unsent:
        return
    try:
        await client.written()
    except oscbridge.NotConnected as error:
        raise _broken(commands, start, unsent, error) from None
    except asyncio.CancelledError:
        if client.loss is None:
            raise
        raise _broken(commands, start, unsent, oscbridge.NotConnected(str(client.loss))) from None


def _broken(
    commands: Sequence[bytes], start: int, unsent: int, error: oscbridge.NotConnected
) -> oscbridge.PartialDelivery:
    """The outcome of a write of which the system had not taken ``unsent`` bytes at first."""
    whole = len(commands)
    while whole and unsent > 0:
        whole -= 1
        unsent -= len(commands[whole])
    text = f"{error} while it was written; not sent again, as it may have arrived"
    rejected = {start + index: NotRepeated(text) for index in range(whole, len(commands))}
    return oscbridge.PartialDelivery(range(start + whole), rejected, error)
