"""The addresses of the control room, for the banner of ``oscbridge run``."""

from __future__ import annotations

from urllib.parse import quote

from oscbridge.monitoring.http_service import HTTPService
from oscbridge.net.any_host import is_any_host
from oscbridge.net.own_addresses import own_addresses
from oscbridge.net.url import HostPort

__all__ = ["site_urls"]


def site_urls(http: HTTPService) -> list[str]:
    """Where to open it, best first; with the token that was generated, if there is one."""
    options, port = http.options, http.port
    if not http.has_site or options is None or not port:
        return []
    hosts = [options.listen.host]
    if is_any_host(options.listen.host) or options.listen.host == "0.0.0.0":
        hosts = [*own_addresses(), "127.0.0.1"]
    secret = http.generated_secret
    fragment = f"#token={quote(secret)}" if secret else ""
    return [f"{options.scheme}://{HostPort(host, port)}/{fragment}" for host in hosts]
