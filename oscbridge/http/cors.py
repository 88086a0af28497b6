"""Lets pages of allowed sites read answers, and send more than forms (CORS).

Whether a request is handled is not decided here: browsers only ask what pages may see.
Source: Fetch standard, section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

__all__ = ["answer_pages"]

MAX_AGE: Final = 600
"""Seconds for which a browser need not ask again."""


def answer_pages(
    app: web.Application, origins: Callable[[], Collection[str]], methods: str
) -> None:
    """Add the headers, and answer what browsers ask before a request, which has no token yet.

    ``origins`` returns the allowed sites, ``*`` for any; ``methods`` are those of the
    application, e.g. ``"GET, HEAD"``. To be called after the application was given to its
    :class:`HTTPFront`, whose rules come second then.
    """

    def is_allowed(request: web.BaseRequest) -> bool:
        origin = request.headers.get(hdrs.ORIGIN)
        return origin is not None and ("*" in origins() or origin in origins())

    @web.middleware
    async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
        asks = hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
        if request.method != hdrs.METH_OPTIONS or not asks or not is_allowed(request):
            return await handler(request)
        fields = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: methods,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Authorization, Content-Type, Last-Event-ID",
            hdrs.ACCESS_CONTROL_MAX_AGE: str(MAX_AGE),
        }
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=fields)

    async def name_origin(request: web.BaseRequest, response: web.StreamResponse) -> None:
        if is_allowed(request):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
            response.headers[hdrs.VARY] = hdrs.ORIGIN

    app.middlewares.insert(0, preflight)
    app.on_response_prepare.append(name_origin)
