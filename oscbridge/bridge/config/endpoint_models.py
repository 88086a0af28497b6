"""The keys that endpoints of all types have, with their types, defaults and meanings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, Field

from oscbridge.bridge.config.state_path import absolute_path
from oscbridge.contract.endpoint import OnStart, Policy
from oscbridge.contract.options import Options

__all__ = ["SPOOL_AGE", "HostOptions", "SpoolOptions"]

SPOOL_AGE: Final = 604_800.0
"""Default of ``max_age`` with the policy ``spool``, in seconds."""


class SpoolOptions(Options):
    """``[endpoint.NAME.spool]``: the file of the policy ``spool``."""

    renamed_keys: ClassVar[Mapping[str, str]] = {"size": "max_size"}
    moved_keys: ClassVar[Mapping[str, str]] = {"age": "max_age", "max_age": "max_age"}

    path: Annotated[Path, BeforeValidator(absolute_path, json_schema_input_type=str)] | None = None
    """The file; it is created if missing. A relative path starts at the directory of the
    configuration file."""
    max_size: Annotated[int, Field(ge=1 << 20, le=1 << 40)] = 100_000_000
    """Approximate size of the file in bytes. When it is full, the oldest messages are dropped."""


class HostOptions(Options):
    """The keys of ``[endpoint.NAME]`` that every type has."""

    renamed_keys: ClassVar[Mapping[str, str]] = {"outbox": "queue"}

    policy: Policy | None = None
    """What happens when the send queue is full: ``drop_oldest``, ``latest`` (keep one value per
    address), ``block`` or ``spool`` (wait on disk)."""
    queue: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    """Size of the send queue, in messages."""
    on_start: OnStart | None = None
    """What happens when the connection fails at startup: ``retry``, ``error`` or ``ignore``, which
    leaves the endpoint disconnected until the next reload."""
    max_age: Annotated[float, Field(ge=0.01, le=366 * 86_400)] | None = None
    """Seconds after which a waiting message is dropped as ``expired``. Without it messages wait
    for any time; with the policy ``spool`` for 604800 s, which is 7 days, of running time. With
    less than 10 minutes, messages that an earlier run left in the spool expire at the start."""
    stall_timeout: Annotated[float, Field(gt=0, le=86_400)] = 5.0
    """Seconds after which a send that is still in progress is logged, and the endpoint not ready.
    No effect with the policy ``block``, where a slow endpoint slows its sources by design."""
    spool: SpoolOptions = SpoolOptions()
    """A table about the file of the policy ``spool``, see below."""
