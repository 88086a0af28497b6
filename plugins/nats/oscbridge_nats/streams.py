"""Streams and consumers at the servers: found, or created if they are missing; never altered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Final, TypeVar

from nats import errors
from nats.aio.client import ServerVersion
from nats.js import api
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from oscbridge_nats.failures import api_failure, shown
from oscbridge_nats.options import NATSOptions, NATSSubscription
from oscbridge_nats.subjects import SHOWN, matches

__all__ = ["MAX_ACK_PENDING", "StreamFinder", "may_take", "not_taken", "partition_stream"]

REQUEST_TIMEOUT: Final = 5.0
"""Seconds for JetStream to answer: an election of its leader takes about as long."""

FIRST_WAIT: Final = 0.25
LONGEST_WAIT: Final = 4.0
"""Seconds between attempts, doubled each time, and their maximum."""

PARTITIONS_SINCE: Final = (2, 10)
"""The version of nats-server that can change subjects on the way into another stream."""

MAX_ACK_PENDING: Final = 1_000
"""Most messages of a consumer that are not acknowledged, for all bridges that share it."""

ResultT = TypeVar("ResultT")


def partition_stream(stream: str, wanted: NATSSubscription) -> str:
    """The name of the stream that divides another one for a durable consumer."""
    return f"{stream}-{wanted.durable}-{wanted.partitions}"


def consumer_name(durable: str, partition: int | None) -> str:
    """The name of a durable consumer, of one partition if there are several."""
    return durable if partition is None else f"{durable}-{partition}"


class StreamFinder:
    """Finds what the options name, and creates what may be created here.

    ``report`` is called with a source and its problem, and with an empty text when that is over.
    """

    def __init__(
        self,
        js: JetStreamContext,
        version: ServerVersion,
        options: NATSOptions,
        report: Callable[[str, str], None],
    ) -> None:
        self._js = js
        self._version = version
        self._options = options
        self._report = report

    async def provide_stream(self, published: Callable[[], Sequence[str]]) -> api.StreamConfig:
        """The stream; created if it does not exist.

        ``published`` returns the subjects that it must take: until then it is waited for.
        """
        options = self._options
        name = options.stream or ""
        config = api.StreamConfig(
            name=name,
            subjects=[f"{options.prefix}.>"],
            retention=api.RetentionPolicy.LIMITS,
            storage=api.StorageType.FILE,
            num_replicas=options.replicas,
            max_age=options.stream_max_age,
            max_bytes=options.stream_max_bytes or -1,
        )

        async def provide() -> api.StreamConfig:
            found = await self._stream(name, config)
            if found.no_ack:
                raise errors.Error("it acknowledges nothing (no_ack); use another stream")
            for subject in published():
                if not may_take(found.subjects or (), subject):
                    raise errors.Error(not_taken(found.subjects or (), subject))
            return found

        return await self._until(provide, f"stream {name!r}")

    async def wait_for_stream(self) -> None:
        """Wait until the stream exists: those that publish to it create it."""
        name = self._options.stream or ""
        await self._until(
            lambda: self._js.stream_info(name),
            f"stream {name!r}",
            'waiting for it: an endpoint with a route with mode = "jetstream" creates it',
        )

    async def provide_partitions(self, wanted: NATSSubscription) -> str:
        """The stream that divides messages by their subjects; created if it does not exist.

        It takes over the messages of the first one, and drops those that are acknowledged. Returns
        its name.
        """
        options = self._options
        source = options.stream or ""
        name = partition_stream(source, wanted)
        target = f"{name}.{{{{partition({wanted.partitions})}}}}.{_same_subject(wanted.subject)}"
        mapping = api.SubjectTransform(wanted.subject, target)
        config = api.StreamConfig(
            name=name,
            retention=api.RetentionPolicy.WORK_QUEUE,
            storage=api.StorageType.FILE,
            num_replicas=options.replicas,
            max_age=options.stream_max_age,
            max_bytes=options.stream_max_bytes or -1,
            sources=[api.StreamSource(name=source, subject_transforms=[mapping])],
        )

        async def provide() -> api.StreamConfig:
            if (self._version.major, self._version.minor) < PARTITIONS_SINCE:
                needed = ".".join(map(str, PARTITIONS_SINCE))
                raise errors.Error(
                    f"partitions need nats-server {needed} or newer, and this is "
                    f"{self._version.major}.{self._version.minor}; update it, or remove partitions"
                )
            return await self._stream(name, config)

        await self._until(provide, f"stream {name!r}")
        return name

    async def provide_consumer(
        self, stream: str, wanted: NATSSubscription, partition: int | None
    ) -> api.ConsumerInfo:
        """A durable consumer; created if it does not exist."""
        name = consumer_name(wanted.durable or "", partition)
        subject = wanted.subject if partition is None else f"{stream}.{partition}.>"
        config = api.ConsumerConfig(
            durable_name=name,
            name=name,
            filter_subject=subject,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=wanted.ack_timeout,
            max_ack_pending=MAX_ACK_PENDING if partition is None else 1,
            max_deliver=-1,  # the bridge counts: a message that is given up is counted
        )

        async def provide() -> api.ConsumerInfo:
            try:
                found: api.ConsumerInfo = await self._js.consumer_info(stream, name)
            except NotFoundError:
                found = await self._js.add_consumer(stream, config)
            if found.config.deliver_subject:
                raise errors.Error("it is a push consumer; delete it, or change durable")
            if found.config.ack_policy != api.AckPolicy.EXPLICIT:
                policy = api.AckPolicy(found.config.ack_policy).value
                text = f"its ack_policy is {policy!r} instead of 'explicit'"
                raise errors.Error(f"{text}; delete it, or change durable")
            return found

        return await self._until(provide, f"consumer {name!r} of stream {stream!r}")

    def refused(self, consumer: str, text: str) -> None:
        """The servers refuse a request to a consumer; an empty text ends that."""
        source = f"requests to consumer {consumer!r}"
        self._report(source, text and f"consumer {consumer!r}: {shown(text)}")

    async def _stream(self, name: str, config: api.StreamConfig) -> api.StreamConfig:
        try:
            found = await self._js.stream_info(name)
        except NotFoundError:
            found = await self._js.add_stream(config)
        return found.config

    async def _until(
        self,
        attempt: Callable[[], Awaitable[ResultT]],
        what: str,
        if_missing: str = "",
    ) -> ResultT:
        """Try until it works. The connection ends the task that waits."""
        wait = FIRST_WAIT
        source = f"{what}: {if_missing}"  # one stream may be waited for, and created
        while True:
            try:
                found = await attempt()
            except NotFoundError as error:
                self._report(source, source if if_missing else api_failure(error, what))
            except (APIError, errors.Error, TimeoutError) as error:
                self._report(source, api_failure(error, what))
            else:
                self._report(source, "")
                return found
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)


def may_take(subjects: Sequence[str], wanted: str) -> bool:
    """Whether a stream with these subjects may take a subject, or some that a filter takes."""
    return any(
        each.startswith(("*", ">")) or matches(each, wanted) or matches(wanted, each)
        for each in subjects
    )


def not_taken(subjects: Sequence[str], wanted: str) -> str:
    """Why a stream does not store messages of a subject."""
    found = ", ".join(map(repr, subjects)) or "none"
    return f"it does not take {wanted[:SHOWN]!r}, as its subjects are {found}"


def _same_subject(wanted: str) -> str:
    """The target of a mapping that changes nothing."""
    numbers = count(1)
    return ".".join(
        f"{{{{wildcard({next(numbers)})}}}}" if token == "*" else token
        for token in wanted.split(".")
    )
