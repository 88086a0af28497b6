"""Reading the body of a request."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from aiohttp import web

from oscbridge.http.errors import HTTPProblem
from oscbridge.http.limits import HTTPLimits

__all__ = ["read_body"]


async def read_body(request: web.Request, limits: HTTPLimits) -> bytes:
    """The body of a request. Raises :class:`HTTPProblem` if it is too large, slow or invalid."""
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
