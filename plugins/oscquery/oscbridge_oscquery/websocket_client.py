"""The WebSocket of another server."""

from __future__ import annotations

import asyncio
from typing import Final

import aiohttp

import oscbridge
from oscbridge_oscquery.commands import LISTEN
from oscbridge_oscquery.host_info import HostInfo
from oscbridge_oscquery.http_client import OSCQueryQuestions

__all__ = ["WATCHER", "open_websocket"]

WATCHER: Final = "X-OSCQuery-Watcher"
"""A header of clients that only watch: datagrams from their host are not theirs."""

OPEN_TIMEOUT: Final = 5.0
"""Seconds for the connection and the handshake."""

CLOSE_TIMEOUT: Final = 0.3
"""Seconds for the closing handshake."""

MAX_FRAME: Final = 1 << 20
"""Bytes of a frame from a server."""


async def open_websocket(
    session: aiohttp.ClientSession,
    questions: OSCQueryQuestions,
    info: HostInfo,
    *,
    is_watcher: bool = False,
) -> aiohttp.ClientWebSocketResponse | None:
    """Connect to a server that has ``LISTEN``, or does not say what it has.

    Returns None for one that says it has not. Raises :class:`oscbridge.NotConnected` if it
    cannot be reached: a server that does not say what it has may be one without.
    """
    if info.extensions and not info.supports(LISTEN):
        return None
    scheme = "wss" if questions.is_secure else "ws"
    host, port = info.ws_ip or questions.host, info.ws_port or questions.port
    shown = f"[{host}]" if ":" in host else host
    try:
        async with asyncio.timeout(OPEN_TIMEOUT):
            return await session.ws_connect(
                f"{scheme}://{shown}:{port}/",
                max_msg_size=MAX_FRAME,
                ssl=questions.tls or True,
                headers={**questions.headers, **({WATCHER: "1"} if is_watcher else {})},
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
            )
    except (aiohttp.ClientError, OSError) as error:
        text = str(error)
        raise oscbridge.NotConnected(f"no WebSocket: {text or type(error).__name__}") from None
