"""The address of the control room as a QR code, for the camera of a phone."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from oscbridge.discovery.own_addresses import own_addresses
from oscbridge.monitoring.http_service import HTTPService
from oscbridge.monitoring.site_urls import site_urls
from oscbridge.net.hosts import is_loopback

__all__ = ["site_code"]

BORDER: Final = 2
"""Light modules around the code: enough for the cameras of phones."""

_NO_SITE: Final = (
    "no QR code: the control room is not served. Install it with: pip install oscbridge-ui, and "
    "add [http] to the configuration"
)
_LOCAL: Final = (
    "no QR code: only this machine can open the control room. In the configuration set "
    '[http] listen = "0.0.0.0:9180"'
)
_NO_SEGNO: Final = "no QR code: install what draws it with: pip install segno"


def site_code(http: HTTPService, own: Callable[[], Sequence[str]] = own_addresses) -> str:
    """The address that other machines open as a QR code, for a terminal; or why there is none."""
    urls = site_urls(http, own)
    if not urls:
        return _NO_SITE
    url = next((each for each in urls if not is_loopback(urlsplit(each).hostname or "")), "")
    if not url:
        return _LOCAL
    try:
        import segno  # only here: few ask for it
    except ImportError:
        return _NO_SEGNO
    drawn = io.StringIO()
    segno.make(url, error="l", micro=False).terminal(drawn, border=BORDER, compact=True)
    return f"{drawn.getvalue().rstrip()}\n{url}"
