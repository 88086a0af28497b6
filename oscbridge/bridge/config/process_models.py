"""The models of the tables that concern the process as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from oscbridge.address_space.limits import MAX_NODES
from oscbridge.bridge.config.plugin_folder import checked_folder
from oscbridge.bridge.config.secrets import File
from oscbridge.bridge.config.state_path import absolute_path
from oscbridge.bridge.routes.config import MAX_ADDRESSES
from oscbridge.bridge.sinks.runner import DRAIN_TIMEOUT
from oscbridge.contract.options import Options
from oscbridge.net.allowlist import AllowList
from oscbridge.net.host_name import check_host_names
from oscbridge.net.url import HostPort

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["HTTPOptions", "LeaderOptions", "RunOptions"]


_ROOT_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def check_root_path(path: str) -> str:
    """A path without the slash at its end. Raises ``ValueError``."""
    path = path.removesuffix("/")
    if not _ROOT_PATH.fullmatch(path):
        raise ValueError("expected a path of letters, digits and .-_~, e.g. '/stage'")
    return path


class HTTPOptions(Options):
    """``[http]``: serves health, metrics and the control room. Without the table nothing is."""

    listen: HostPort = HostPort("127.0.0.1", 9180)
    """Where to serve ``/healthz``, ``/readyz``, ``/metrics`` and the control room: ``host:port``.
    ``[::]`` and ``*`` are all addresses, IPv6 and IPv4."""
    on_start: Literal["error", "retry"] = "error"
    """What happens when it cannot listen at startup: ``error`` (the program ends) or ``retry``."""
    hosts: Annotated[tuple[str, ...], AfterValidator(check_host_names)] = ()
    """Additional host names under which clients may address it. IP addresses and names that
    nobody can register (``stage``, ``stage.local``, ``stage.lan``) always work."""
    trusted_proxies: AllowList = AllowList()
    """Reverse proxies whose ``X-Forwarded-For`` counts: a wrong token is then that of the client,
    not of the proxy. What they pass on with ``X-Ingress-Path`` (Home Assistant) needs no token:
    others must remove this header."""
    root_path: Annotated[str, AfterValidator(check_root_path)] = ""
    """The path below which a reverse proxy shows the pages, e.g. ``"/stage"``, if it passes the
    path on as it is."""
    allow_code: bool = False
    """Whether a browser may edit everything: functions of routes, paths of files, secrets,
    ``include`` and ``[run]`` too, which means that it can run code as the user of the bridge. Only
    this file can set it."""
    recordings: (
        Annotated[Path, BeforeValidator(absolute_path, json_schema_input_type=str)] | None
    ) = None
    """The folder of the control room's recordings, e.g. on another disk; it is created if missing.
    By default it is ``oscbridge/recordings`` in the state folder. A relative path starts at the
    directory of the configuration file."""
    certificate: File | None = None
    """The certificate chain as a PEM file. With it, only HTTPS is served. A reload reads it
    again."""
    key: File | None = None
    """The private key as a PEM file without passphrase, unless ``certificate`` contains it."""

    @property
    def scheme(self) -> Literal["http", "https"]:
        """The scheme of its URL."""
        return "http" if self.certificate is None else "https"

    def certificates(self) -> Mapping[str, Path]:
        return {} if self.certificate is None else {"certificate": self.certificate}

    def tls(self) -> SSLContext | None:
        """The context for TLS; None without a certificate. Raises ``ValueError``."""
        if self.certificate is None and self.key is None:
            return None
        from oscbridge.net.tls import tls_context  # it takes a while to load

        return tls_context(self.certificate, self.key)

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.tls()
        return self


class LeaderOptions(Options):
    """``leader`` of ``[run]``: of the bridges with one key, one delivers."""

    endpoint: str
    """The endpoint whose servers decide, e.g. one of the type ``nats``."""
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "main"
    """The name of the lease, the same on main and backup: 1 to 64 letters, digits, ``_`` and
    ``-``."""
    ttl: Annotated[float, Field(ge=1.0, le=60.0)] = 1.5
    """Seconds after which a lease ends that is not renewed: the backup takes over. Raise it where
    the servers answer slowly."""


class RunOptions(Options):
    """``[run]``: the process."""

    renamed_keys: ClassVar[Mapping[str, str]] = {"drain": "drain_timeout"}

    drain_timeout: Annotated[float, Field(ge=0, le=600)] = DRAIN_TIMEOUT
    """Seconds within which endpoints must deliver their queues when the bridge stops."""
    max_addresses: Annotated[int, Field(ge=1, le=10_000_000)] = MAX_ADDRESSES
    """Addresses for which each stateful step of a route, and each endpoint that offers snapshots,
    keep state. Above it the least recently used one is forgotten, which is counted and logged
    once."""
    learn_addresses: Annotated[int, Field(ge=0, le=MAX_NODES)] = 0
    """Addresses that become known from passing messages, with their type tags; 0 learns none. When
    there are as many, no other one is learned, which is counted and logged once."""
    state: Annotated[Path, BeforeValidator(absolute_path, json_schema_input_type=str)] | None = None
    """The file of the variables with ``persist``; it is created if missing. A relative path starts
    at the directory of the configuration file."""
    leader: LeaderOptions | None = None
    """Main and backup: of several bridges with the same configuration, only the one that holds a
    lease delivers, e.g. ``{ endpoint = "hub", key = "main" }``."""
    watch: bool = False
    """Whether to reload when a file of the configuration changes: the file, those that it
    includes, and the certificates, secrets and plugins that it names."""
    blocked_timeout: Annotated[float, Field(ge=0.05, le=3600)] = 1.0
    """Seconds after which an event loop that a plugin or a function blocks is reported, with the
    line that blocks it."""
    plugins: Annotated[Path, BeforeValidator(checked_folder, json_schema_input_type=str)] | None = (
        None
    )
    """A folder with plugins of one file each, e.g. ``"plugins/"``, which are loaded at the start. A
    relative path starts at the directory of the configuration file."""
