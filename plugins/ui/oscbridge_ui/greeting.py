"""The first message of a page, and the access that it gives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from oscbridge import AccessDenied, AccessGrant
from oscbridge.http import making_room
from oscbridge.monitoring import SiteAccess
from oscbridge_ui.client_messages import ClientMessage, Hello

__all__ = ["FULL", "HELLO_TIMEOUT", "MAX_PAGES", "read_access"]

HELLO_TIMEOUT: Final = 5.0
"""Seconds for the first message."""

MAX_PAGES: Final = 16
"""Pages with access: fewer than the connections of ``[http]``, so that health checks get one."""

FULL: Final = AccessDenied(
    HTTPStatus.SERVICE_UNAVAILABLE,
    f"at most {MAX_PAGES} pages can be open; close another one",
    retry_after=5,
)
_MISSING: Final = AccessDenied(HTTPStatus.UNAUTHORIZED, "a token is needed")


async def read_access(
    request: web.Request, access: SiteAccess, read: Callable[[], Awaitable[ClientMessage | None]]
) -> AccessGrant | AccessDenied | None:
    """The access that the first message gives; None if it is another one.

    ``read`` reads a message. Silent pages and those with wrong tokens make room for others.
    """
    with making_room(request):
        try:
            async with asyncio.timeout(HELLO_TIMEOUT):
                hello = await read()
        except TimeoutError:
            return None
        if not isinstance(hello, Hello):
            return None
        if (found := access.without_token(request)) is not None:
            return found
        return await access.check(request, hello.token) if hello.token else _MISSING
