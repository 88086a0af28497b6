"""Requests to the control socket: read, checked, and turned into what serves them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from oscbridge.bridge.muting import find_routes
from oscbridge.bridge.routes.route import Route
from oscbridge.errors import ConfigurationError, PatternError
from oscbridge.monitoring.traffic import TapStream
from oscbridge.suggestions import suggest

__all__ = [
    "MAX_REQUEST",
    "BadRequest",
    "Request",
    "mute_arguments",
    "number",
    "read_request",
    "tap_stream",
]

Request: TypeAlias = Mapping[str, object]

MAX_REQUEST: Final = 65_536
"""Maximum size of a request in bytes."""

REQUEST_TIMEOUT: Final = 5.0
"""Seconds for a client to send its request."""

MAX_NAMES: Final = 1_000
"""Maximum number of names in a request."""

RATE: Final = (0.1, 1_000_000.0)
"""Range of the rate of a tap in messages per second."""


class BadRequest(ConfigurationError):
    """A request is not valid."""


def tap_stream(request: Request, known: Sequence[str], routes: Sequence[Route] = ()) -> TapStream:
    """The stream that a ``tap`` request asks for. Raises :class:`ConfigurationError`.

    With ``route``, it is that of the messages which the sources of this route receive and which
    its match takes.
    """
    names, match, rate = (request.get(key) for key in ("names", "match", "rate"))
    if route_name := request.get("route"):
        (route,) = find_routes(routes, [str(route_name)])
        names, match = list(route.config.sources), route.config.match
    if not isinstance(names, list | None) or len(names or ()) > MAX_NAMES:
        raise BadRequest("names: expected a list of names")
    for name in names or ():
        if name not in known:
            hint = suggest(str(name), known)
            raise BadRequest(f"{name!r}: no such bridge or endpoint; {hint}")
    if not isinstance(match, str | None):
        raise BadRequest("match: expected a pattern")
    if rate is not None:
        rate = number(rate, "rate", *RATE)
    try:
        return TapStream(names or (), match or "", rate, received_only=bool(route_name))
    except PatternError as error:
        raise BadRequest(str(error)) from None


def mute_arguments(request: Request) -> tuple[list[str], bool]:
    """The names and the state of a ``mute`` request. Raises :class:`BadRequest`."""
    names, on = request.get("names"), request.get("on")
    if not isinstance(names, list) or not 0 < len(names) <= MAX_NAMES:
        raise BadRequest(f"names: expected a list of 1 to {MAX_NAMES} names")
    if not isinstance(on, bool):
        raise BadRequest("on: expected true or false")
    return [str(name) for name in names], on


def number(value: object, name: str, least: float, most: float) -> float:
    """``value`` as a number from ``least`` to ``most``. Raises :class:`BadRequest`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadRequest(f"{name}: expected a number from {least:g} to {most:g}, not {value!r}")
    return float(value)


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read a request. Raises :class:`BadRequest` and ``ConnectionResetError``."""
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT):
            line = await reader.readuntil()
    except TimeoutError:
        raise BadRequest(f"no request within {REQUEST_TIMEOUT:g} s") from None
    except asyncio.IncompleteReadError:
        raise ConnectionResetError from None
    except asyncio.LimitOverrunError:
        raise BadRequest(f"the request is larger than {MAX_REQUEST} bytes") from None
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise BadRequest("expected a line with a JSON object")
    return request
