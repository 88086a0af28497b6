"""The options of an endpoint with ``type = "nats"``, and of its routes."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

import oscbridge
from oscbridge_nats.server_url import NATSServerURL, Servers
from oscbridge_nats.subjects import (
    SHOWN,
    check_filter,
    check_name,
    check_prefix,
    check_published,
    matches,
)

__all__ = [
    "FORMATS",
    "Format",
    "Mode",
    "NATSOptions",
    "NATSRoute",
    "NATSSubscription",
    "text_template",
]

Mode: TypeAlias = Literal["core", "jetstream"]
Format: TypeAlias = Literal["osc", "json", "text"]

FORMATS: Final = ("osc", "json", "text")
"""The payload formats; a payload may be a template instead."""

MAX_SUBSCRIPTIONS: Final = 1_000
"""Most subscriptions of one endpoint."""

_SEED: Final = re.compile(r"SU[A-Z2-7]{56}")

MAX_PARTITIONS: Final = 256
"""Most partitions of a durable consumer: each is a consumer of its own at the servers."""


def text_template(text: str) -> oscbridge.Template:
    """Text with placeholders and expressions; all other braces are literal."""
    return oscbridge.Template.parse(text, literal_braces=True, expressions=True)


def _payload(value: str, info: ValidationInfo) -> str:
    template = text_template(value)
    if value not in FORMATS and not template.placeholders:
        raise ValueError(
            f"expected {', '.join(FORMATS)}, or a template with a placeholder, e.g. {{0}}"
        )
    oscbridge.check_template(template, info)
    return value


def _subject_template(value: str, info: ValidationInfo) -> str:
    # The values of the placeholders are checked for each message.
    template = text_template(value)
    check_published(template.fill(lambda _placeholder: "x"))
    oscbridge.check_template(template, info)
    return value


def _seed(value: oscbridge.Secret | None) -> oscbridge.Secret | None:
    if value is not None and not _SEED.fullmatch(value.value):
        raise ValueError("expected the seed of a user: SU and 56 letters and digits")
    return value


def _subscription(value: object) -> object:
    return {"subject": value} if isinstance(value, str) else value


Seed: TypeAlias = Annotated[oscbridge.Secret | None, AfterValidator(_seed)]
Name: TypeAlias = Annotated[str, AfterValidator(check_name)]
Filter: TypeAlias = Annotated[str, AfterValidator(check_filter)]
Payload: TypeAlias = Annotated[str, AfterValidator(_payload)]
SubjectTemplate: TypeAlias = Annotated[str, AfterValidator(_subject_template)]


class NATSSubscription(oscbridge.Options):
    """One entry of ``subscribe``; a text alone is its subject."""

    subject: Filter
    """The subject; ``*`` is one part, ``>`` at the end one or more."""
    queue: Name | None = None
    """A queue group: each message goes to one of its members."""
    durable: Name | None = None
    """A durable consumer of the stream: its messages are acknowledged after delivery. Those that
    use one name share the messages."""
    partitions: Annotated[int, Field(ge=1, le=MAX_PARTITIONS)] | None = None
    """Divides the messages of a durable consumer by their addresses, and keeps the order of each
    address, however many bridges share them."""
    payload: Format | None = None
    """The format of the payloads; by default the endpoint's ``payload``."""
    ack_timeout: Annotated[float, Field(ge=1.0, le=3600.0)] = 10.0
    """Seconds without an acknowledgement after which a message is delivered again, e.g. to
    another bridge."""
    max_deliveries: Annotated[int, Field(ge=1, le=1_000_000)] = 5
    """Most deliveries of a message. One that is still not acknowledged is set aside."""

    @model_validator(mode="after")
    def _check(self) -> NATSSubscription:
        if self.durable is not None and self.queue is not None:
            raise ValueError("a durable consumer is shared by all that use its name; remove queue")
        if self.durable is None:
            for key in ("partitions", "ack_timeout", "max_deliveries"):
                if key in self.model_fields_set:
                    raise ValueError(f"{key} requires durable")
        return self


class NATSRoute(oscbridge.Options):
    """``nats = {...}`` in a ``[[route]]``."""

    mode: Mode = "core"
    """``core`` delivers at most once, ``jetstream`` at least once."""
    subject: SubjectTemplate | None = None
    """The subject, e.g. ``studio.mixer.{ch}``; by default the prefix and the address."""
    payload: Payload | None = None
    """``osc``, ``json``, ``text``, or a template, e.g. ``"{0} dB"``."""


class NATSOptions(oscbridge.Options):
    """The options of an endpoint with ``type = "nats"``."""

    servers: Servers = (NATSServerURL("nats", "127.0.0.1", 4222),)
    """The URLs of the servers: ``nats://`` or ``tls://``, then ``host:port``. When one is lost, the
    next is tried."""
    user: str | None = None
    """The name of the user."""
    password: oscbridge.Secret | None = None
    """The password: ``{ env = "NAME" }`` or ``{ file = "path" }``."""
    token: oscbridge.Secret | None = None
    """A token in place of user and password."""
    nkey: Seed = None
    """The seed of an nkey, which starts with ``SU``."""
    credentials: oscbridge.File | None = None
    """A ``.creds`` file with a JWT and its seed."""
    ca: oscbridge.File | None = None
    """The certificate of the authority that signed the servers', if the system does not trust
    it."""
    certificate: oscbridge.File | None = None
    """The client certificate for the servers."""
    key: oscbridge.File | None = None
    """The key of that certificate."""
    prefix: Annotated[str, AfterValidator(check_prefix)] = "osc"
    """Prepended to subjects that are made from addresses, and removed from addresses that are made
    from subjects."""
    payload: Payload = "osc"
    """The format of payloads: ``osc``, ``json`` or ``text``; for published messages also a
    template."""
    subscribe: Annotated[
        tuple[
            Annotated[
                NATSSubscription,
                BeforeValidator(_subscription, json_schema_input_type=Filter | NATSSubscription),
            ],
            ...,
        ],
        Field(max_length=MAX_SUBSCRIPTIONS),
    ] = ()
    """Subjects to subscribe to, each a text or a table."""
    default_routes: bool | None = None
    """Whether it publishes all messages of bridges and other endpoints while no route leads to it;
    by default it does unless a route reads from it. Never those of an endpoint of the same
    servers."""
    stream: Name | None = None
    """The stream of JetStream for routes with ``mode = "jetstream"`` and durable consumers."""
    replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """Servers that keep a copy of the stream, if it is created here."""
    stream_max_age: Annotated[float, Field(ge=0.0, le=3_153_600_000.0)] = 86_400.0
    """Seconds for which the stream keeps messages, if it is created here; 0 for no limit."""
    stream_max_bytes: Annotated[int, Field(ge=0, le=1 << 60)] = 1 << 30
    """Most bytes of the stream, if it is created here; the oldest messages make room. 0 for no
    limit."""
    max_inflight: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    """Most messages to the stream that are not acknowledged."""
    max_payload_size: Annotated[int, Field(ge=1, le=1 << 26)] = 65_535
    """Most bytes of a received payload; larger ones are rejected and counted."""
    ping_interval: Annotated[float, Field(ge=1.0, le=3600.0)] = 5.0
    """Seconds between checks of the connection; it is closed if two are not answered."""

    def certificates(self) -> Mapping[str, Path]:
        return {} if self.certificate is None else {"certificate": self.certificate}

    def tls_context(self) -> ssl.SSLContext:
        """The context of a TLS connection. Raises :class:`oscbridge.ConfigurationError`."""
        return oscbridge.client_tls_context(self.ca, self.certificate, self.key)

    def file_contents(self) -> Sequence[bytes]:
        """The current contents of the files that the options name."""
        files = (self.ca, self.certificate, self.key, self.credentials)
        return [b"" if file is None else file.read_bytes() for file in files]

    @property
    def durables(self) -> Sequence[NATSSubscription]:
        """The subscriptions that are durable consumers."""
        return [each for each in self.subscribe if each.durable is not None]

    @model_validator(mode="after")
    def _check_credentials(self) -> NATSOptions:
        ways = [each for each in ("user", "token", "nkey", "credentials") if getattr(self, each)]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)}: set only one of them")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password must be set together")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key must be set together")
        return self

    @model_validator(mode="after")
    def _check_subscriptions(self) -> NATSOptions:
        seen: set[object] = set()
        for each in self.subscribe:
            key = each.durable or (each.subject, each.queue)
            if key in seen:
                what = "durable" if each.durable else "subject"
                raise ValueError(f"subscribe: duplicate {what} {each.durable or each.subject!r}")
            seen.add(key)
        if self.durables and self.stream is None:
            raise ValueError("a durable consumer reads from a stream; set stream")
        return self

    def config_warnings(self) -> Sequence[str]:
        """Subscriptions that get a message twice."""
        plain = [each for each in self.subscribe if each.queue is None]
        for index, one in enumerate(plain):
            for other in plain[index + 1 :]:
                if matches(one.subject, other.subject) or matches(other.subject, one.subject):
                    return [
                        f"subscribe: {one.subject[:SHOWN]!r} and {other.subject[:SHOWN]!r} "
                        "overlap: messages of both arrive twice; remove one of them"
                    ]
        return ()
