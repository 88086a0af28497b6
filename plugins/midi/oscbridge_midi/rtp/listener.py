"""Accepts sessions of RTP-MIDI from any number of peers."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import oscbridge
from oscbridge_midi.codec import MAX_SYSEX
from oscbridge_midi.rtp.address import SERVICE, RtpListen
from oscbridge_midi.rtp.losses import LossReport
from oscbridge_midi.rtp.session import RtpSession
from oscbridge_midi.rtp.session_commands import (
    ClockSync,
    Feedback,
    Invitation,
    decode_command,
    is_command,
)
from oscbridge_midi.rtp.sockets import Address, SocketPair
from oscbridge_midi.tcp import MidiConnectionOwner

__all__ = ["RtpListenOptions", "RtpListener"]

SILENCE: Final = 60.0
"""Seconds without a packet after which a peer is gone; it synchronises more often."""

PENDING: Final = 10.0
"""Seconds between the invitations to the two ports."""

TURN: Final = 0.05
"""Seconds between looks at due actions."""


class RtpListenOptions(Protocol):
    """The options of the endpoint that matter here."""

    @property
    def allow(self) -> oscbridge.AllowList: ...
    @property
    def announce(self) -> bool | str: ...
    @property
    def max_connections(self) -> int: ...
    @property
    def max_connections_per_address(self) -> int: ...


@dataclass
class _Participant:
    """A peer that was accepted at the control port."""

    invitation: Invitation
    control: Address
    since: float
    session: RtpSession | None = None


class RtpListener:
    """All sessions, as one connection of the endpoint."""

    max_size = MAX_SYSEX

    def __init__(
        self,
        owner: MidiConnectionOwner,
        endpoint: oscbridge.AnyEndpoint,
        options: RtpListenOptions,
    ) -> None:
        self._owner = owner
        self._endpoint = endpoint
        self._options = options
        self._losses = LossReport(endpoint.host)
        self._ssrc = secrets.randbits(32)
        self._participants: dict[int, _Participant] = {}
        """By their numbers."""
        self._sockets: SocketPair | None = None
        self._announced: oscbridge.AnnouncedService | None = None
        self._had_sessions = False
        self._changed = asyncio.Event()
        self.name = ""

    @property
    def clients(self) -> int:
        """The number of sessions."""
        return len(self._sessions)

    @property
    def _sessions(self) -> list[RtpSession]:
        found = [each.session for each in self._participants.values()]
        return [each for each in found if each is not None]

    async def open(self, listen: RtpListen) -> None:
        """Listen. Raises ``OSError``."""
        self._sockets = await SocketPair.open(
            (listen.host, listen.port), self._on_control, self._on_data
        )
        port = self._sockets.address[1]
        self.name = str(listen._replace(port=port))
        self._announce(listen.host, port)
        self._endpoint.start_task(self._keep())

    def _announce(self, host: str, port: int) -> None:
        announce = self._options.announce
        if not announce or oscbridge.is_loopback(host):
            return
        endpoint = self._endpoint
        name = announce if isinstance(announce, str) else endpoint.name
        try:
            self._announced = endpoint.host.discovery.announce(
                oscbridge.ServiceAnnouncement(
                    name, {SERVICE: port}, listen=host, part=f"endpoint.{endpoint.name}"
                )
            )
        except oscbridge.DiscoveryUnavailable as error:
            endpoint.log.info("not announced: %s", error)

    # --- packets -----------------------------------------------------------------------------

    def _on_control(self, data: bytes, peer: Address) -> None:
        self._take(data, peer, is_control=True)

    def _on_data(self, data: bytes, peer: Address) -> None:
        self._take(data, peer, is_control=False)

    def _take(self, data: bytes, peer: Address, *, is_control: bool) -> None:
        allow = self._options.allow
        if allow and peer[0] not in allow:
            self._endpoint.host.refused(f"{peer[0]}, which is not in 'allow'")
            return
        try:
            if is_command(data):
                self._command(data, peer, is_control=is_control)
            elif not is_control:
                self._session_of(int.from_bytes(data[8:12], "big"), peer).receive(data)
        except oscbridge.DecodeError as error:
            self._owner.bad_bytes(error, peer)
        self._changed.set()

    def _command(self, data: bytes, peer: Address, *, is_control: bool) -> None:
        command = decode_command(data)
        if isinstance(command, Invitation):
            self._invitation(command, peer, is_control=is_control)
        elif isinstance(command, ClockSync):
            answer = self._session_of(command.ssrc, peer).take_sync(command)
            if answer is not None and self._sockets is not None:
                self._sockets.send_data(answer.encode(), peer)
        elif isinstance(command, Feedback):
            found = self._participants.get(command.ssrc)
            if found is not None and found.session is not None and found.control[0] == peer[0]:
                found.session.take_feedback(command)

    def _session_of(self, ssrc: int, peer: Address) -> RtpSession:
        """The session of a peer. Raises :class:`oscbridge.DecodeError` for a stranger."""
        found = self._participants.get(ssrc)
        if found is None or found.session is None or found.session.peer != peer:
            raise oscbridge.DecodeError("no_session", "a packet of no session")
        return found.session

    def _invitation(self, command: Invitation, peer: Address, *, is_control: bool) -> None:
        sockets = self._sockets
        if sockets is None:
            return
        known = self._participants.get(command.ssrc)
        if command.letters == b"BY":
            if known is not None and known.control[0] == peer[0]:
                self._end(command.ssrc)
        elif command.letters == b"IN":
            is_accepted = (
                self._accept_control(command, peer, known)
                if is_control
                else self._accept_data(command, peer, known)
            )
            letters = b"OK" if is_accepted else b"NO"
            name = self._announced.name if self._announced is not None else self._endpoint.name
            answer = Invitation(letters, command.token, self._ssrc, name).encode()
            send = sockets.send_control if is_control else sockets.send_data
            send(answer, peer)
            if is_accepted and not is_control:
                self._greet(command.ssrc)

    def _accept_control(
        self, command: Invitation, peer: Address, known: _Participant | None
    ) -> bool:
        if known is not None:
            if known.control[0] != peer[0]:
                return False  # another one with its number
            if known.invitation.token == command.token:
                return True  # the answer was lost
            self._end(command.ssrc)
        if not self._has_room(peer[0]):
            return False
        self._participants[command.ssrc] = _Participant(command, peer, time.monotonic())
        return True

    def _has_room(self, host: str) -> bool:
        counts = Counter(each.control[0] for each in self._participants.values())
        limits = self._options
        if counts[host] >= limits.max_connections_per_address:
            text = f"max_connections_per_address = {limits.max_connections_per_address} reached"
        elif len(self._participants) >= limits.max_connections:
            text = f"max_connections = {limits.max_connections} reached"
        else:
            return True
        self._endpoint.host.refused(f"{host}: {text}")
        return False

    def _accept_data(self, command: Invitation, peer: Address, known: _Participant | None) -> bool:
        if known is None or known.control[0] != peer[0]:
            return False
        if known.invitation.token != command.token:
            return False
        if known.session is not None and known.session.peer == peer:
            return True
        sockets = self._sockets
        assert sockets is not None
        if known.session is not None:
            known.session.close()
        known.session = RtpSession(
            self._ssrc,
            peer,
            lambda data: sockets.send_data(data, peer),
            lambda data: sockets.send_control(data, known.control),
            self._owner.receiver(peer),
            self._losses.count,
        )
        return True

    def _greet(self, ssrc: int) -> None:
        session = self._participants[ssrc].session
        greeting = self._owner.greeting(reconnected=self._had_sessions)
        if session is not None and greeting:
            session.send(greeting)

    def _end(self, ssrc: int) -> None:
        found = self._participants.pop(ssrc)
        if found.session is not None:
            self._had_sessions = True
            found.session.close()

    async def _keep(self) -> None:
        """Take due actions in all sessions; forget peers that are gone."""
        while True:
            now = time.monotonic()
            for ssrc, each in tuple(self._participants.items()):
                if each.session is not None:
                    each.session.turn(now)
                heard = each.since if each.session is None else each.session.heard_at
                if now - heard > (PENDING if each.session is None else SILENCE):
                    self._endpoint.log.warning("%s: silent; the session has ended", each.control[0])
                    self._end(ssrc)
            if not any(each.is_waiting for each in self._sessions):
                self._changed.clear()
                try:
                    async with asyncio.timeout(1.0):
                        await self._changed.wait()
                except TimeoutError:
                    continue
            await asyncio.sleep(TURN)

    # --- the connection ----------------------------------------------------------------------

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send messages to all peers."""
        self.send_now(messages)

    def send_now(self, messages: Sequence[bytes], when_ns: int = 0) -> None:
        """The same; it does not wait."""
        for session in self._sessions:
            self._losses.refused(session.send(messages, when_ns))
        self._changed.set()

    async def close(self) -> None:
        """End all sessions, and say so."""
        sockets, self._sockets = self._sockets, None
        if sockets is not None:
            for ssrc, each in tuple(self._participants.items()):
                end = Invitation(b"BY", each.invitation.token, self._ssrc)
                sockets.send_control(end.encode(), each.control)
                self._end(ssrc)
            sockets.close()
        announced, self._announced = self._announced, None
        if announced is not None:
            await announced.close()
