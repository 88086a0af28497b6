"""Checks of the keys of a bridge about its announcement."""

from __future__ import annotations

import ipaddress

from pydantic import ValidationInfo

from oscbridge.discovery.requirement import check_discovery
from oscbridge.net.any_host import is_any_host
from oscbridge.net.url import OSCURL

__all__ = ["check_advertise", "check_announce"]


def check_announce(value: bool | str, info: ValidationInfo) -> bool | str:
    """Raise ``ValueError`` for a name, or a bridge, that cannot be announced."""
    if value is False:
        return value
    if isinstance(value, str):
        from oscbridge.discovery.names import check_service_name

        check_service_name(value)
    listen = info.data.get("listen")
    if isinstance(listen, OSCURL):
        _check_host(listen)
    check_discovery()
    return value


def _check_host(listen: OSCURL) -> None:
    if is_any_host(listen.host) or listen.host == "localhost":
        return
    try:
        is_group = ipaddress.IPv4Address(listen.host).is_multicast
    except ValueError:
        raise ValueError(
            f"only for IPv4 addresses, and the bridge listens on {listen.host!r}; listen on "
            "0.0.0.0, on *, or on the IPv4 address of an interface"
        ) from None
    if is_group:
        raise ValueError("not for a multicast group, which others join by its address; remove it")


def check_advertise(value: str, info: ValidationInfo) -> str:
    """Raise ``ValueError`` for an address that cannot be advertised."""
    if not value:
        return value
    from oscbridge.discovery.services import split_advertised

    split_advertised(value)
    if info.data.get("announce", True) is False:
        raise ValueError("no effect without announce; set announce = true, or remove it")
    return value
