"""The addresses of the control room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote

from oscbridge.discovery.own_addresses import own_addresses
from oscbridge.monitoring.http_service import HTTPService
from oscbridge.net.any_host import is_any_host
from oscbridge.net.hosts import is_loopback
from oscbridge.net.url import HostPort

__all__ = ["site_url", "site_urls"]


def site_urls(http: HTTPService, own: Callable[[], Sequence[str]] = own_addresses) -> list[str]:
    """Where to open it, best first; with the token that was generated, if there is one.

    ``own`` finds the addresses of this machine in its networks.
    """
    if not _is_served(http):
        return []
    hosts = [_listen_host(http)]
    if _is_everywhere(hosts[0]):
        hosts = [*own(), "127.0.0.1"]
    secret = http.generated_secret
    fragment = f"#token={quote(secret)}" if secret else ""
    return [f"{_url(http, host)}{fragment}" for host in hosts]


def site_url(http: HTTPService, host: str) -> str:
    """Where to open it for somebody who reaches this machine as ``host``, without a token.

    Empty if it is not served there.
    """
    if not host or not _is_served(http):
        return ""
    listen = _listen_host(http)
    if _is_everywhere(listen):
        return _url(http, host)
    if is_loopback(listen):
        return _url(http, listen) if is_loopback(host) else ""
    return _url(http, listen)


def _is_served(http: HTTPService) -> bool:
    return http.has_site and http.options is not None and http.port > 0


def _listen_host(http: HTTPService) -> str:
    return "" if http.options is None else http.options.listen.host


def _is_everywhere(host: str) -> bool:
    return is_any_host(host) or host == "0.0.0.0"


def _url(http: HTTPService, host: str) -> str:
    scheme = "http" if http.options is None else http.options.scheme
    return f"{scheme}://{HostPort(host, http.port)}/"
