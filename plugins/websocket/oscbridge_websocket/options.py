"""The keys of an endpoint with ``type = "websocket"``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final, Self

from pydantic import AfterValidator, Field, model_validator

import oscbridge
from oscbridge.http import tls_context

__all__ = ["WebSocketOptions"]

MIN_FRAME_RATE: Final = 0.1
MAX_FRAME_RATE: Final = 1_000.0
"""Limits of ``frame_rate``, in frames per second."""

MIN_PING_INTERVAL: Final = 1.0
MAX_PING_INTERVAL: Final = 3_600.0
"""Limits of ``ping_interval``, in seconds."""


def _frame_rate(rate: float) -> float:
    if rate != 0 and not MIN_FRAME_RATE <= rate <= MAX_FRAME_RATE:
        raise ValueError(f"must be from {MIN_FRAME_RATE:g} to {MAX_FRAME_RATE:g}, or 0")
    return rate


def _ping_interval(seconds: float) -> float:
    if seconds != 0 and not MIN_PING_INTERVAL <= seconds <= MAX_PING_INTERVAL:
        raise ValueError(f"must be from {MIN_PING_INTERVAL:g} to {MAX_PING_INTERVAL:g} s, or 0")
    return seconds


def _path_prefix(path: str) -> str:
    if path and not path.startswith("/"):
        raise ValueError(f"must start with '/'; did you mean {'/' + path!r}?")
    return path


class WebSocketOptions(oscbridge.Options):
    """The keys of an endpoint with ``type = "websocket"``."""

    renamed_keys: ClassVar[Mapping[str, str]] = {
        "max_clients": "max_connections",
        "max_clients_per_address": "max_connections_per_address",
        "max_frame": "max_packet_size",
        "client_queue": "max_client_queue",
    }
    token_keys: ClassVar[Collection[str]] = ("token", "tokens")

    listen: oscbridge.HostPort = oscbridge.HostPort("127.0.0.1", 8080)
    """Where to listen: ``host:port``."""
    certificate: oscbridge.File | None = None
    """The certificate chain as a PEM file. With it, the endpoint accepts TLS only."""
    key: oscbridge.File | None = None
    """The private key as a PEM file without passphrase, unless ``certificate`` contains it."""
    origins: Annotated[tuple[str, ...], AfterValidator(oscbridge.check_origins)] = ()
    """Sites whose pages may connect, for example ``https://example.org``; ``*`` allows any.
    Pages from the same host and programs, which send no Origin, are always allowed."""
    hosts: Annotated[tuple[str, ...], AfterValidator(oscbridge.check_host_names)] = ()
    """Additional host names of this machine, for example ``stage.example.org``; ``*`` allows
    any."""
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 256
    """The most clients at the same time."""
    max_connections_per_address: Annotated[int, Field(ge=1, le=100_000)] = 64
    """The most connections at the same time from one address (IPv6: one /64)."""
    max_handshakes: Annotated[int, Field(ge=1, le=100_000)] = 128
    """The most connections at the same time that have not completed handshake and token."""
    max_packet_size: Annotated[int, Field(ge=16, le=1 << 24)] = 65_535
    """The largest frame from a client, in bytes; a larger one closes the connection."""
    max_rate: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    """Messages per second from one client; a client that sends more is throttled."""
    max_client_queue: Annotated[int, Field(ge=1, le=10_000_000)] = 8_192
    """Messages queued for one slow client; above that the oldest are dropped."""
    frame_rate: Annotated[float, AfterValidator(_frame_rate)] = 0
    """The most frames per second to one client; 0 sends messages as they arrive."""
    latest: bool = False
    """Whether a frame has only the newest value per address; for clients with a frame rate."""
    snapshot: bool = False
    """Whether a new client first receives the last value of each address without asking."""
    page: bool = True
    """Whether a browser that opens the address gets a page with a link to the control room."""
    files: oscbridge.Folder | None = None
    """A folder with a page of your own, served instead; everybody can read the files in it."""
    path_prefix: Annotated[str, AfterValidator(_path_prefix)] = ""
    """The path under which a reverse proxy serves ``files``, if it keeps it: ``/stage``."""
    trusted_proxies: oscbridge.AllowList = oscbridge.AllowList()
    """Reverse proxies whose ``X-Forwarded-For`` counts: limits and ``allow`` apply to the
    client's address then."""
    allow: oscbridge.AllowList = oscbridge.AllowList()
    """Networks and addresses that may connect; if empty, all."""
    ping_interval: Annotated[float, AfterValidator(_ping_interval)] = 20
    """Seconds between pings to a client; shorter than the time-out of proxies. 0 sends none."""

    def config_warnings(self) -> Sequence[str]:
        if self.files is not None and not (self.files / "index.html").is_file():
            return [f"{self.files} has no index.html: nothing is served at /; add that file"]
        return []

    def certificates(self) -> Mapping[str, Path]:
        return {} if self.certificate is None else {"certificate": self.certificate}

    @model_validator(mode="after")
    def _check(self) -> Self:
        tls_context(self.certificate, self.key)
        self._check_folder()
        return self

    def _check_folder(self) -> None:
        """The private key must not be served."""
        for path in (self.key, self.certificate):
            if path is None or self.files is None:
                continue
            if path.resolve().is_relative_to(self.files.resolve()):
                raise ValueError(f"{path} is in the folder of 'files'; everybody could read it")
