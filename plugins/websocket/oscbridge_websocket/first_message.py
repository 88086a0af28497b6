"""The token in the first message of a client that has not sent it with its request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from websockets.frames import CloseCode

import oscbridge
from oscbridge_websocket import incoming
from oscbridge_websocket.authorization import RequestAuthorizer
from oscbridge_websocket.connection import WebSocketConnection
from oscbridge_websocket.frames import FrameFormat
from oscbridge_websocket.rejection import UNAUTHORIZED, Rejection

__all__ = ["AUTH_TIMEOUT", "receive_token"]

AUTH_TIMEOUT: Final = 5.0
"""Seconds after the handshake in which a client must send its token, if one is required."""


async def receive_token(
    connection: WebSocketConnection,
    authorizer: RequestAuthorizer,
    on_refused: Callable[[str], None],
) -> oscbridge.AccessGrant | Rejection:
    """Wait for the token in the first message. Nothing is sent before.

    Raises ``ConnectionClosed``.
    """
    network = connection.network
    try:
        async with asyncio.timeout(AUTH_TIMEOUT):
            frame = await connection.recv()
    except TimeoutError:
        on_refused(f"a client from {network}: no token within {AUTH_TIMEOUT:g} s")
        return Rejection(UNAUTHORIZED, f"no token received within {AUTH_TIMEOUT:g} s")
    options = connection.client_options
    json = options is not None and options.format is FrameFormat.JSON
    if isinstance(frame, str) and not json:
        on_refused(f"a client from {network}: {incoming.WHY_NO_TEXT}")
        return Rejection(CloseCode.UNSUPPORTED_DATA, incoming.WHY_NO_TEXT)
    token = incoming.decode_token(frame, json=json)
    if token is None:
        on_refused(f"a client from {network}: the first message is not a token")
        return Rejection(UNAUTHORIZED, "the first message must be the token")
    result = authorizer.check_token(token, connection)
    if isinstance(result, Rejection):
        await authorizer.delay(result, connection)
    return result
