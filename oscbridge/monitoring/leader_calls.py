"""The role of a running process with a backup, through its control socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring.control_client import RunningProcess, ask
from oscbridge.status.leader_status import LeaderStatus

__all__ = ["decode_leader", "hand_over", "leader"]


def decode_leader(fields: Mapping[str, Any] | None) -> LeaderStatus | None:
    """The role from its JSON form."""
    return None if fields is None else LeaderStatus(**fields)


async def leader(process: RunningProcess) -> LeaderStatus | None:
    """The role of a process; None if it has no backup."""
    async with ask(process.socket, {"command": "leader"}) as batches:
        async for answer, *_ in batches:
            return decode_leader(answer["leader"])
    raise OSCBridgeError("the bridge has stopped")


async def hand_over(process: RunningProcess) -> str:
    """Let another bridge lead in place of a process. Returns its name.

    Raises :class:`OSCBridgeError` if the process does not lead, or if no other one takes over.
    """
    async with ask(process.socket, {"command": "leader", "hand_over": True}) as batches:
        async for answer, *_ in batches:
            return str(answer["holder"])
    raise OSCBridgeError("the bridge has stopped")
