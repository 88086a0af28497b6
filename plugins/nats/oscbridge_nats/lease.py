"""Leases in a key-value bucket of JetStream, which a quorum of servers keeps.

The entry of a lease has the name of its holder and its seconds. The holder writes it again and
again; each write names the revision that it replaces, so that of two writers one fails. Another
bridge replaces an entry that has not changed for its seconds, which it measures itself from when
it *saw* the revision, while the holder counts from before it *asked* for the write. So neither the
clocks of the machines nor the expiry of entries at the servers matter, and a stale answer costs
time only: a write that names an old revision fails. A missing entry may have been lost while its
holder still sends; it is waited for like any other.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Final, NamedTuple

import orjson
from nats.aio.client import Client
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import (
    APIError,
    BucketNotFoundError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NoStreamResponseError,
)
from nats.js.kv import KeyValue

import oscbridge
from oscbridge_nats.failures import api_failure
from oscbridge_nats.options import NATSOptions

__all__ = ["BUCKET", "GrantsNATSLeases", "LeaseBucket"]

BUCKET: Final = "oscbridge_leases"
"""The bucket; it is created if it is missing."""

MAX_AGE: Final = 86_400.0
"""Seconds after which the servers forget a lease that nobody wants: longer than any lease."""

ANSWER_TIMEOUT: Final = 0.4
"""Share of a lease after which an answer of the servers comes too late."""

MAX_SECONDS: Final = 3_600.0
"""Most seconds that an entry may ask others to wait."""

MAX_HOLDER: Final = 200
"""Most characters of the name of a holder."""


class _LeaseEntry(NamedTuple):
    """What the bucket has under a key."""

    holder: str
    """Empty if the lease was released, or is missing."""
    seconds: float
    revision: int
    """0 if there is none."""


class _Seen(NamedTuple):
    """The revision of a lease, and when it was first seen."""

    revision: int
    at: float


class LeaseBucket:
    """The leases of an endpoint, over all its connections.

    ``clock`` returns seconds.
    """

    def __init__(self, replicas: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._replicas = replicas
        self._clock = clock
        self._client: Client | None = None
        self._bucket: KeyValue | None = None
        self._timeout = 0.0
        """Seconds that the bucket waits for an answer."""
        self._seen: dict[str, _Seen] = {}
        self._own: dict[str, int] = {}
        """The revisions that this process has written last."""

    async def acquire(
        self, client: Client, key: str, holder: str, seconds: float
    ) -> oscbridge.Lease:
        """Grant or renew a lease. Raises :class:`oscbridge.EndpointError`."""
        bucket = await self._open(client, seconds)
        revision = self._own.pop(key, 0)
        if revision and await self._write(bucket, key, _LeaseEntry(holder, seconds, revision)):
            return oscbridge.Lease(holder, seconds)
        entry = await self._read(bucket, key, seconds)
        left = self._left(key, entry)
        if entry.holder != holder and left > 0:
            return oscbridge.Lease(entry.holder, left)
        if await self._write(bucket, key, _LeaseEntry(holder, seconds, entry.revision)):
            return oscbridge.Lease(holder, seconds)
        entry = await self._read(bucket, key, seconds)  # another write was faster
        if entry.holder != holder:
            return oscbridge.Lease(entry.holder, self._left(key, entry))
        if await self._write(bucket, key, _LeaseEntry(holder, seconds, entry.revision)):
            return oscbridge.Lease(holder, seconds)  # that was an earlier request of its own
        raise oscbridge.EndpointError("an earlier request is still on its way")

    async def find(self, client: Client, key: str, seconds: float) -> oscbridge.Lease:
        """Find the holder of a lease. Raises :class:`oscbridge.EndpointError`."""
        entry = await self._read(await self._open(client, seconds), key, seconds)
        return oscbridge.Lease(entry.holder, self._left(key, entry))

    async def release(self, client: Client, key: str, holder: str, seconds: float) -> None:
        """End a lease of a holder. Raises :class:`oscbridge.EndpointError`."""
        bucket = await self._open(client, seconds)
        self._own.pop(key, None)
        entry = await self._read(bucket, key, seconds)
        if entry.holder == holder:
            await self._write(bucket, key, _LeaseEntry("", 0.0, entry.revision))
            self._own.pop(key, None)

    def _left(self, key: str, entry: _LeaseEntry) -> float:
        """Seconds until another bridge may have a lease that it does not renew."""
        seen = self._seen.get(key)
        if seen is None or seen.revision != entry.revision:
            seen = self._seen[key] = _Seen(entry.revision, self._clock())
        return max(seen.at + entry.seconds - self._clock(), 0.0)

    # --- the servers -------------------------------------------------------------------------

    async def _open(self, client: Client, seconds: float) -> KeyValue:
        """The bucket, of a new connection and for a lease of other seconds too."""
        timeout = seconds * ANSWER_TIMEOUT
        if self._bucket is None or client is not self._client or timeout != self._timeout:
            self._bucket = None
            context = client.jetstream(timeout=timeout)
            try:
                self._bucket = await self._find_bucket(context)
            except (Error, TimeoutError) as error:
                raise _failure(error) from None
            self._client, self._timeout = client, timeout
        return self._bucket

    async def _find_bucket(self, context: JetStreamContext) -> KeyValue:
        try:
            return await context.key_value(BUCKET)
        except BucketNotFoundError:
            # On disk: servers that have forgotten a lease would grant it twice after a restart.
            wanted = KeyValueConfig(
                bucket=BUCKET,
                ttl=MAX_AGE,
                replicas=self._replicas,
                storage=StorageType.FILE,
            )
            return await context.create_key_value(wanted)

    async def _read(self, bucket: KeyValue, key: str, seconds: float) -> _LeaseEntry:
        """The entry of a lease, which lasts for ``seconds`` if it is missing."""
        try:
            entry = await bucket.get(key)
        except KeyNotFoundError as error:  # also of an entry that somebody has deleted
            revision = getattr(error.entry, "revision", None) or 0
            return _LeaseEntry("", seconds, revision)
        except (Error, TimeoutError) as error:
            raise _failure(error) from None
        return _decode(entry.value or b"", entry.revision or 0)

    async def _write(self, bucket: KeyValue, key: str, entry: _LeaseEntry) -> bool:
        """Replace a revision. Returns False if it is not the last one any more."""
        value = orjson.dumps({"holder": entry.holder, "seconds": entry.seconds})
        seen = self._seen.pop(key, None)
        try:
            self._own[key] = await bucket.update(key, value, last=entry.revision)
        except KeyWrongLastSequenceError:
            return False
        except (Error, TimeoutError) as error:
            if isinstance(error, NoStreamResponseError):  # perhaps somebody has deleted it
                self._bucket = None
            if isinstance(error, APIError) and seen is not None:  # nothing has changed
                self._seen[key] = seen
            raise _failure(error) from None
        return True


def _decode(value: bytes, revision: int) -> _LeaseEntry:
    """An entry; one that is not valid, e.g. of another program, is held for the longest time."""
    try:
        found = orjson.loads(value)
        holder, seconds = str(found["holder"])[:MAX_HOLDER], float(found["seconds"])
    except (ValueError, TypeError, KeyError):
        return _LeaseEntry("an unknown holder", MAX_SECONDS, revision)
    return _LeaseEntry(holder, min(max(seconds, 0.0), MAX_SECONDS), revision)


def _failure(error: Exception) -> oscbridge.EndpointError:
    return oscbridge.EndpointError(api_failure(error, f"bucket {BUCKET!r}"))


class GrantsNATSLeases(oscbridge.GrantsLeases[NATSOptions]):
    """The ability of an endpoint that is connected to NATS."""

    options: NATSOptions
    _leases: LeaseBucket | None = None
    _lease_seconds: float = 1.0

    @abstractmethod
    def lease_client(self) -> Client:
        """The connection. Raises :class:`oscbridge.NotConnected`."""

    def _bucket(self) -> LeaseBucket:
        if self._leases is None:
            self._leases = LeaseBucket(self.options.replicas)
        return self._leases

    async def acquire_lease(self, key: str, holder: str, seconds: float) -> oscbridge.Lease:
        self._lease_seconds = seconds
        return await self._bucket().acquire(self.lease_client(), key, holder, seconds)

    async def find_lease(self, key: str) -> oscbridge.Lease:
        return await self._bucket().find(self.lease_client(), key, self._lease_seconds)

    async def release_lease(self, key: str, holder: str) -> None:
        await self._bucket().release(self.lease_client(), key, holder, self._lease_seconds)

    @classmethod
    def lease_problem(cls, options: NATSOptions) -> str:
        shared = [each for each in options.subscribe if each.durable or each.queue]
        if not shared:
            return ""
        name = shared[0].durable or shared[0].queue
        return (
            f"main and backup would share the messages of {name!r}, and the one on standby "
            "drops its share; name an endpoint without durable and queue"
        )
