"""Converts OSC messages to publications: subject, payload, headers and mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

import oscbridge
from oscbridge_nats.headers import NATSPeer
from oscbridge_nats.options import NATSOptions, NATSRoute, text_template
from oscbridge_nats.payload import encoder
from oscbridge_nats.subjects import SHOWN, check_published, subject_of

__all__ = ["NATSDelivery", "NATSPublication", "NATSPublicationPlanner", "command"]

NATSDelivery: TypeAlias = oscbridge.Delivery[NATSRoute]

MAX_PLANS: Final = 4_096
"""Most addresses for which subject and format are cached; then the cache starts empty."""

CORE_HEADERS: Final = 80
STREAM_HEADERS: Final = 180
"""Most bytes of the headers of a message; to a stream without the name of that."""

MakeSubject: TypeAlias = Callable[[oscbridge.Message, Mapping[str, str]], str]


class _Plan(NamedTuple):
    """How the messages of one address and one route are published."""

    subject: str | None
    """None if it depends on the arguments."""
    make_subject: MakeSubject
    encode: oscbridge.EncodeRouted
    is_stored: bool
    route: object
    """Referenced so that no other route's options get the same ``id``."""


class NATSPublication(NamedTuple):
    """The publication of one message."""

    subject: str
    payload: bytes
    hops: int
    """Bridges that have passed the message on by NATS."""
    is_stored: bool
    """Whether it goes to the stream, which acknowledges it."""


class NATSPublicationPlanner:
    """Converts messages to publications, and caches plans by address and route."""

    def __init__(self, options: NATSOptions) -> None:
        self.max_payload = 1 << 20
        """Most bytes that the server accepts."""
        self._options = options
        self._header_sizes = (CORE_HEADERS, STREAM_HEADERS + len(options.stream or ""))
        self._plans: dict[object, _Plan] = {}

    def is_stored(self, delivery: NATSDelivery) -> bool:
        """Whether a message goes to the stream."""
        return delivery.options is not None and delivery.options.mode == "jetstream"

    def publication(self, delivery: NATSDelivery) -> NATSPublication:
        """Convert a message. Raises :class:`oscbridge.BadMessage` with the reason."""
        message, options, captures = delivery
        key = (message.address, id(options), *captures.values())
        plan = self._plans.get(key)
        try:
            if plan is None:
                plan = self._cache(key, delivery)
            subject = plan.subject
            if subject is None:
                subject = check_published(plan.make_subject(message, captures))
            payload = plan.encode(message, captures)
        except (ValueError, LookupError) as error:  # an EncodeError is a ValueError
            raise oscbridge.BadMessage(f"{message.address[:SHOWN]}: {error}") from None
        if len(payload) + self._header_sizes[plan.is_stored] > self.max_payload:
            raise oscbridge.BadMessage(
                f"{message.address[:SHOWN]}: payload of {len(payload)} bytes; with its headers "
                f"the server accepts at most max_payload = {self.max_payload}"
            )
        return NATSPublication(subject, payload, NATSPeer.hops_of(message), plan.is_stored)

    def _cache(self, key: object, delivery: NATSDelivery) -> _Plan:
        message, options, captures = delivery
        own = options or NATSRoute()
        make_subject = self._subject(own, message.address)
        depends = own.subject is not None and text_template(own.subject).depends_on_arguments
        subject = None if depends else check_published(make_subject(message, captures))
        encode = encoder(own.payload or self._options.payload)
        plan = _Plan(subject, make_subject, encode, own.mode == "jetstream", options)
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        self._plans[key] = plan
        return plan

    def _subject(self, own: NATSRoute, address: str) -> MakeSubject:
        prefix = self._options.prefix
        if own.subject is None:
            return lambda message, _captures: subject_of(message.address, prefix)
        template = text_template(own.subject)

        def fill(message: oscbridge.Message, captures: Mapping[str, str]) -> str:
            return template.fill(lambda placeholder: _value(placeholder, message, captures))

        return fill


def _value(
    placeholder: oscbridge.Placeholder, message: oscbridge.Message, captures: Mapping[str, str]
) -> str:
    """A value in a subject: its slashes divide it into parts, and the rest is escaped."""
    if placeholder.name == "address" and not placeholder.expression:
        return subject_of(message.address)
    text = oscbridge.placeholder_text(placeholder, message, captures, message.address)
    return subject_of(f"/{text}")


def command(publication: NATSPublication, headers: bytes, reply: str = "") -> bytes:
    """The command that publishes a message."""
    size = len(headers)
    total = size + len(publication.payload)
    line = f"HPUB {publication.subject} {reply} {size} {total}\r\n".encode()
    return b"".join((line, headers, publication.payload, b"\r\n"))
