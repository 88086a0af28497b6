"""The devices of this machine, by endpoint type, from a process that may be killed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from oscbridge.child_process import child_environment, how_it_ended
from oscbridge.contract.abilities import FindsDevices
from oscbridge.contract.nearby_device import NearbyDevice

__all__ = ["LocalDevices", "list_local_devices"]

LIST_TIMEOUT: Final = 10.0
"""Seconds for a list of devices."""

MAX_OUTPUT: Final = 1_048_576
"""Bytes of it, at most."""

MAX_DEVICES: Final = 256
"""Devices of one type."""


class LocalDevices(NamedTuple):
    """The devices of one type, or why they cannot be listed."""

    devices: Sequence[NearbyDevice] = ()
    problem: str = ""


async def list_local_devices(factory: type[FindsDevices]) -> LocalDevices:
    """List the devices of this machine that endpoints of a class can reach."""
    package = factory.__module__.partition(".")[0]
    path = f"{factory.__module__}:{factory.__qualname__}"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "oscbridge.nearby.listing",
        path,
        env=child_environment(package),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(LIST_TIMEOUT):
            assert process.stdout is not None
            output = await _read_all(process.stdout)
            code = await process.wait()
    except TimeoutError:
        return LocalDevices(problem=f"the list of devices took longer than {LIST_TIMEOUT:g} s")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return _read(output, code)


async def _read_all(stream: asyncio.StreamReader) -> bytes:
    """What a process prints, up to a limit."""
    try:
        return await stream.readexactly(MAX_OUTPUT)
    except asyncio.IncompleteReadError as error:
        return error.partial


def _read(output: bytes, code: int) -> LocalDevices:
    try:
        answer = json.loads(output.strip().rpartition(b"\n")[2])
        if "error" in answer:
            return LocalDevices(problem=str(answer["error"]))
        return LocalDevices([_device(each) for each in answer["devices"][:MAX_DEVICES]])
    except (ValueError, KeyError, TypeError):
        return LocalDevices(problem=f"the list of devices {how_it_ended(code)}")


def _device(found: Mapping[str, Any]) -> NearbyDevice:
    return NearbyDevice(str(found["name"]), dict(found["options"]), str(found["place"]))
