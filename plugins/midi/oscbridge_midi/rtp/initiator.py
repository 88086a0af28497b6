"""Invites a peer to a session of RTP-MIDI, and keeps it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import Sequence
from typing import Final, cast

import oscbridge
from oscbridge_midi.codec import MAX_SYSEX
from oscbridge_midi.rtp.address import SERVICE, RtpURL
from oscbridge_midi.rtp.losses import LossReport
from oscbridge_midi.rtp.session import RtpSession, ticks
from oscbridge_midi.rtp.session_commands import (
    ClockSync,
    Feedback,
    Invitation,
    decode_command,
    is_command,
)
from oscbridge_midi.rtp.sockets import Address, SocketPair, address_of
from oscbridge_midi.tcp import MidiConnectionOwner

__all__ = ["RtpInitiator"]

INVITE_INTERVAL: Final = 0.5
INVITE_TIMEOUT: Final = 3.0
"""Seconds between invitations, and until the peer is not there."""

FIND_TIMEOUT: Final = 8.0
"""Seconds to find the peer by its name."""

TURN: Final = 0.05
"""Seconds between looks at due actions."""

SYNC_INTERVAL: Final = 10.0
SYNC_RETRY: Final = 1.5
"""Seconds between synchronisations of the clocks, and until one is repeated; the first ones follow
each other as quickly."""

FIRST_SYNCS: Final = 4

MAX_UNANSWERED: Final = 5
"""Synchronisations without an answer after which the peer is gone."""


class RtpInitiator:
    """A session that this side has invited to. A connection of the endpoint."""

    max_size = MAX_SYSEX

    def __init__(
        self, url: RtpURL, owner: MidiConnectionOwner, endpoint: oscbridge.AnyEndpoint
    ) -> None:
        self._url = url
        self._owner = owner
        self._endpoint = endpoint
        self._losses = LossReport(endpoint.host)
        self._ssrc, self._token = secrets.randbits(32), secrets.randbits(32)
        self._peer: Address = ("", 0)
        self._peer_ssrc: int | None = None
        self._answer: asyncio.Future[Invitation] | None = None
        self._sockets: SocketPair | None = None
        self._session: RtpSession | None = None
        self._unanswered = 0
        self._syncs = 0
        self._changed = asyncio.Event()
        """Set when something may be due soon."""
        self.name = str(url)

    async def open(self) -> None:
        """Invite the peer. Raises ``OSError`` and :class:`oscbridge.EndpointError`."""
        self._peer, family = await self._find()
        host = "::" if family == socket.AF_INET6 else "0.0.0.0"
        self._sockets = await SocketPair.open((host, 0), self._on_control, self._on_data, family)
        sockets, data_peer = self._sockets, (self._peer[0], self._peer[1] + 1)
        accepted = await self._invite(self._peer[1])
        self._peer_ssrc = accepted.ssrc
        # Before the second answer, which messages may follow at once.
        self._session = RtpSession(
            self._ssrc,
            data_peer,
            lambda data: sockets.send_data(data, data_peer),
            lambda data: sockets.send_control(data, self._peer),
            self._owner.receiver(data_peer),
            self._losses.count,
        )
        await self._invite(data_peer[1])
        self._endpoint.start_task(self._keep(self._session))

    async def _find(self) -> tuple[Address, int]:
        host, port = self._url.host, self._url.port
        if self._url.name:
            discovery = self._endpoint.host.discovery
            follower = discovery.follow(
                [SERVICE], self._url.name, f"endpoint.{self._endpoint.name}"
            )
            try:
                found = await follower.find(FIND_TIMEOUT)
                host, port = found.host, found.port
            finally:
                await follower.close()
        infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, _, _, _, found_at = infos[0]
        return address_of(cast(tuple[str | int, ...], found_at)), family

    async def _invite(self, port: int) -> Invitation:
        sockets = self._sockets
        assert sockets is not None
        send = sockets.send_control if port == self._peer[1] else sockets.send_data
        own = f"oscbridge {self._endpoint.name}"
        packet = Invitation(b"IN", self._token, self._ssrc, own).encode()
        answer: asyncio.Future[Invitation] = asyncio.get_running_loop().create_future()
        self._answer = answer
        try:
            async with asyncio.timeout(INVITE_TIMEOUT):
                while not answer.done():
                    send(packet, (self._peer[0], port))
                    await asyncio.wait([answer], timeout=INVITE_INTERVAL)
                found = answer.result()
        except TimeoutError:
            raise oscbridge.NotConnected(f"{self._url}: no answer to the invitation") from None
        finally:
            self._answer = None
        if found.letters != b"OK":
            raise oscbridge.NotConnected(f"{self._url}: the invitation was refused")
        return found

    def _on_control(self, data: bytes, peer: Address) -> None:
        self._take(data, peer, self._peer[1])

    def _on_data(self, data: bytes, peer: Address) -> None:
        self._take(data, peer, self._peer[1] + 1)

    def _take(self, data: bytes, peer: Address, port: int) -> None:
        if peer != (self._peer[0], port):
            return  # anyone can send here; only the peer is heard
        try:
            if is_command(data):
                self._command(data)
            elif self._session is not None:
                self._session.receive(data)
        except oscbridge.DecodeError as error:
            self._owner.bad_bytes(error, peer)
        self._changed.set()

    def _command(self, data: bytes) -> None:
        command = decode_command(data)
        session = self._session
        if isinstance(command, Invitation):
            if command.letters == b"BY" and session is not None:
                self._lost("the peer has ended the session")
                return
            is_answer = command.token == self._token and command.letters in (b"OK", b"NO")
            if is_answer and self._answer is not None and not self._answer.done():
                self._answer.set_result(command)
        elif session is not None and isinstance(command, Feedback):
            session.take_feedback(command)
        elif session is not None and isinstance(command, ClockSync):
            self._unanswered = 0
            if (answer := session.take_sync(command)) is not None and self._sockets is not None:
                self._sockets.send_data(answer.encode(), session.peer)

    async def _keep(self, session: RtpSession) -> None:
        """Synchronise the clocks, and take due actions, until the peer is gone."""
        sync_at = 0.0
        while self._sockets is not None:
            now = time.monotonic()
            session.turn(now)
            if now >= sync_at:
                if self._unanswered >= MAX_UNANSWERED:
                    self._lost("the peer does not answer")
                    return
                self._syncs += 1
                is_often = self._syncs <= FIRST_SYNCS or self._unanswered
                sync_at = now + (SYNC_RETRY if is_often else SYNC_INTERVAL)
                self._unanswered += 1
                self._sockets.send_data(ClockSync(self._ssrc, 0, ticks()).encode(), session.peer)
            if session.is_waiting:
                await asyncio.sleep(TURN)
                continue
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(TURN, sync_at - time.monotonic())):
                    await self._changed.wait()

    def _lost(self, why: str) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()
            self._endpoint.host.connection_lost(oscbridge.NotConnected(f"{self._url}: {why}"))

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send messages. Raises :class:`oscbridge.NotConnected`."""
        if self._session is None:
            raise oscbridge.NotConnected(f"{self._url}: the session has ended")
        self.send_now(messages)

    def send_now(self, messages: Sequence[bytes], when_ns: int = 0) -> None:
        """Send messages, if there is a session."""
        if self._session is not None:
            self._losses.refused(self._session.send(messages, when_ns))
            self._changed.set()

    async def close(self) -> None:
        """End the session, and say so."""
        sockets, self._sockets = self._sockets, None
        session, self._session = self._session, None
        if sockets is not None:
            if self._peer_ssrc is not None:
                end = Invitation(b"BY", self._token, self._ssrc).encode()
                sockets.send_control(end, self._peer)
            sockets.close()
        if session is not None:
            session.close()
