"""Reading the body of a request."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from oscbridge.http.errors import HTTPProblem
from oscbridge.http.limits import HTTPLimits

__all__ = ["read_body"]

IDENTITY: Final = "identity"
"""The coding of a body that is sent as it is (RFC 9110, section 8.4.1)."""

MAX_SHOWN: Final = 40
"""Characters of another one that are shown."""


async def read_body(request: web.Request, limits: HTTPLimits) -> bytes:
    """The body of a request. Raises :class:`HTTPProblem` if it is too large, slow or invalid."""
    coding = request.headers.get(hdrs.CONTENT_ENCODING, IDENTITY).strip().lower()
    if coding != IDENTITY:  # a small body could become a large one
        raise HTTPProblem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Encoding {coding[:MAX_SHOWN]!r} is not supported; send the body as it is",
            {hdrs.ACCEPT_ENCODING: IDENTITY},
        )
    too_large = f"the body must not have more than {limits.max_body_size} bytes"
    if (request.content_length or 0) > limits.max_body_size:
        raise HTTPProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.request_timeout):
            while data := await request.content.readany():
                body += data
                if len(body) > limits.max_body_size:
                    raise HTTPProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large)
    except TimeoutError:
        text = f"the body did not arrive within {limits.request_timeout:g} s"
        raise HTTPProblem(HTTPStatus.REQUEST_TIMEOUT, text) from None
    except web.RequestPayloadError:
        raise HTTPProblem(HTTPStatus.BAD_REQUEST, "the body is not valid HTTP") from None
    return bytes(body)
