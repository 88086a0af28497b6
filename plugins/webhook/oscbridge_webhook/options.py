"""The options of an endpoint with ``type = "webhook"``, and of its routes."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

import oscbridge
from oscbridge.http import tls_context
from oscbridge_webhook.target import TargetURL

__all__ = ["Method", "WebhookOptions", "WebhookRoute", "client_tls"]

Method: TypeAlias = Literal["POST", "PUT", "PATCH", "DELETE", "GET"]

MAX_HEADERS: Final = 64
"""Most headers of a request."""

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING: Final = frozenset(
    ("connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding",
     "upgrade", "accept-encoding")
)  # fmt: skip
"""Headers that the connection needs."""


def _text(value: object, read: ValidatorFunctionWrapHandler) -> oscbridge.Secret:
    """A text, or a secret: both are used in the same way, and never shown."""
    if isinstance(value, str):
        return oscbridge.Secret(value)
    if not isinstance(value, dict | oscbridge.Secret):
        raise ValueError('expected text in quotes, or { env = "NAME" } or { file = "path" }')
    found: oscbridge.Secret = read(value)
    return found


def _url(
    value: object, read: ValidatorFunctionWrapHandler, info: ValidationInfo
) -> oscbridge.Secret:
    url = _text(value, read)
    try:
        oscbridge.check_template(TargetURL.parse(url.value).rest, info)
    except ValueError:
        if isinstance(value, str):
            raise
        raise ValueError("the secret is not a valid URL: http://host/path") from None
    return url


def _body(value: str, info: ValidationInfo) -> str:
    template = oscbridge.Template.parse(value, literal_braces=True, expressions=True)
    oscbridge.check_template(template, info)
    return value


def _headers(value: Mapping[str, oscbridge.Secret]) -> Mapping[str, oscbridge.Secret]:
    for name, content in value.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:40]!r} is not a valid name of a header")
        if name.lower() in _FRAMING:
            raise ValueError(f"{name} cannot be set, because the connection depends on it")
        if _CONTROL.search(content.value):
            raise ValueError(f"{name}: a header must not contain control characters")
    if len({name.lower() for name in value}) < len(value):
        raise ValueError("a header must not be given twice")
    return value


_Written: TypeAlias = str | oscbridge.Secret
HeaderValue: TypeAlias = Annotated[
    oscbridge.Secret, WrapValidator(_text, json_schema_input_type=_Written)
]
URLTemplate: TypeAlias = Annotated[
    oscbridge.Secret, WrapValidator(_url, json_schema_input_type=_Written)
]
BodyTemplate: TypeAlias = Annotated[str, AfterValidator(_body)]
Headers: TypeAlias = Annotated[
    dict[str, HeaderValue], AfterValidator(_headers), Field(max_length=MAX_HEADERS)
]


class WebhookRoute(oscbridge.Options):
    """``webhook = {...}`` in a ``[[route]]``."""

    url: URLTemplate | None = None
    """The URL; by default the endpoint's."""
    method: Method | None = None
    """The method; by default the endpoint's."""
    body: BodyTemplate | None = None
    """The template of the body; by default the endpoint's."""
    headers: Headers = Field(default={})
    """Further headers, or other values for those of the endpoint."""


class WebhookOptions(oscbridge.Options):
    """The options of an endpoint with ``type = "webhook"``."""

    url: URLTemplate | None = None
    """Where messages are sent, e.g. ``https://example.org/hook/{address}``. Placeholders are
    possible after the host. A URL that is secret can be read from ``{ env = "NAME" }`` or
    ``{ file = "path" }``."""
    method: Method = "POST"
    """The method of the requests: ``POST``, ``PUT``, ``PATCH``, ``DELETE`` or ``GET``."""
    headers: Headers = Field(default={})
    """Headers of the requests by name, each a text or a secret: ``{ env = "NAME" }`` or
    ``{ file = "path" }``."""
    body: BodyTemplate | None = None
    """The template of the body, e.g. ``'{"level": {0}}'``; by default the message as
    ``osc.json``, and nothing with ``GET``."""
    timeout: Annotated[float, Field(gt=0, le=300)] = 10.0
    """Seconds for a request and its answer."""
    ca: oscbridge.File | None = None
    """The certificate of the authority that signed the receiver's, if the system does not trust
    it."""
    listen: oscbridge.HostPort | None = None
    """Where to accept requests: ``host:port``."""
    hosts: Annotated[tuple[str, ...], AfterValidator(oscbridge.check_host_names)] = ()
    """Additional host names of this machine, for example ``stage.example.org``; ``*`` allows
    any."""
    origins: Annotated[tuple[str, ...], AfterValidator(oscbridge.check_origins)] = ()
    """Sites whose pages may send requests, for example ``https://example.org``; ``*`` allows
    any."""
    trusted_proxies: oscbridge.AllowList = oscbridge.AllowList()
    """Reverse proxies whose ``X-Forwarded-For`` counts: a wrong token is then that of the client,
    not of the proxy."""
    certificate: oscbridge.File | None = None
    """The certificate chain as a PEM file. With it, only TLS is accepted."""
    key: oscbridge.File | None = None
    """The private key as a PEM file without passphrase, unless ``certificate`` contains it."""
    max_body_size: Annotated[int, Field(ge=1, le=1 << 24)] = 65_536
    """The largest body of a request, in bytes."""
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 64
    """The most connections at the same time."""
    max_connections_per_address: Annotated[int, Field(ge=1, le=100_000)] = 32
    """The most connections at the same time from one address."""
    max_streams: Annotated[int, Field(ge=0, le=100_000)] = 24
    """The most streams of events at the same time; each takes up a connection."""
    max_events_queue: Annotated[int, Field(ge=1, le=1_000_000)] = 1_024
    """Messages queued for one slow stream; above that the oldest are dropped. As many are kept for
    a client that comes back."""

    def certificates(self) -> Mapping[str, Path]:
        return {} if self.certificate is None else {"certificate": self.certificate}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.url is None and self.listen is None:
            raise ValueError("set url to send requests, or listen to accept them, or both")
        tls_context(self.certificate, self.key)
        client_tls(self.ca)
        return self


def client_tls(ca: Path | None) -> ssl.SSLContext:
    """What the certificate of a receiver is checked with. Raises ``ValueError``."""
    context = ssl.create_default_context()
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (ssl.SSLError, OSError) as error:
            raise ValueError(f"ca = {ca}: not a valid certificate: {error}") from None
        # From Python 3.13 a certificate has to comply strictly with RFC 5280. Certificates that
        # people make themselves often do not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
