"""What an OSC endpoint sends on its own: login, questions, and messages at intervals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

import oscbridge
from oscbridge.endpoints.osc.options import OSCOptions, packet_of

__all__ = ["Upkeep"]

SILENT_INTERVALS: Final = 3
"""Intervals without a reply after which the peer counts as unreachable."""

LOGIN_TIMEOUT: Final = 5.0
"""Seconds within which a device must answer a login."""

LOGIN_RETRY: Final = 30.0
"""Seconds until the next login after one that failed."""


class _Regular(NamedTuple):
    """A message that is sent at an interval."""

    packet: bytes
    address: str
    every: float
    expects_reply: bool


class Upkeep:
    """Keeps a device in contact while the endpoint is connected.

    ``send`` takes a packet, ``on_trouble`` the reason why the device counts as unreachable.
    """

    def __init__(
        self,
        options: OSCOptions,
        send: Callable[[bytes], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._send = send
        self._on_trouble = on_trouble
        self._regular = tuple(_regular_messages(options))
        profile = options.profile
        self._sync = () if profile is None else tuple(map(packet_of, profile.options.sync))
        self._login = None if profile is None else profile.options.login
        self._login_packet = b""
        if self._login is not None:
            args = () if options.passcode is None else (options.passcode.value,)
            self._login_packet = oscbridge.encode_message(
                oscbridge.Message.of(self._login.send, *args)
            )
        self._timers: dict[int | str, asyncio.TimerHandle] = {}
        self._heard_at = 0.0
        """Time of the last packet or of the connection, in seconds of the loop's clock."""
        self._is_silent = False
        """Whether the device owes a reply to a regular message."""
        self._login_failed = False
        self.awaits_login = False
        """Whether an answer to the login is expected."""

    @property
    def is_in_trouble(self) -> bool:
        """Whether the device does not answer, or does not let us in."""
        return self._is_silent or self._login_failed

    def start(self) -> None:
        """Log in, ask and begin with the regular messages: the connection is new."""
        self._heard_at = asyncio.get_running_loop().time()
        self.introduce()
        for index in range(len(self._regular)):
            self._repeat(index)

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._is_silent = self._login_failed = self.awaits_login = False

    def heard(self, packet: bytes) -> bool:
        """Note that a packet was received. Whether this ended a trouble."""
        was_in_trouble = self.is_in_trouble
        self._heard_at = asyncio.get_running_loop().time()
        if self.awaits_login:
            self._read_login(packet)
        if self._is_silent:
            self._is_silent = False
            self.introduce()  # it may have been restarted
        return was_in_trouble and not self.is_in_trouble

    def _read_login(self, packet: bytes) -> None:
        """Look for the answer to the login in a packet."""
        login = self._login
        subject = oscbridge.Subject(packet.partition(b"\0")[0].decode(errors="replace"))
        if login is None or not oscbridge.Pattern(login.reply, mapped=True).matches(subject):
            return
        if login.refused.encode() in packet:
            self._fail_login(f"the device refused the passcode; it answered {login.refused!r}")
        else:
            self._cancel("login")
            self.awaits_login = self._login_failed = False

    def introduce(self) -> None:
        """Log in, and ask for the current state."""
        if self._login is not None:
            self.awaits_login = True
            self._send(self._login_packet)
            self._cancel("login")
            reason = f"no reply to {self._login.send} for {LOGIN_TIMEOUT:g} s"
            self._later("login", LOGIN_TIMEOUT, partial(self._fail_login, reason))
        for packet in self._sync:
            self._send(packet)

    def _fail_login(self, reason: str) -> None:
        """Try again later, and not at once: the device may lock out who guesses."""
        self.awaits_login = False
        self._login_failed = True
        self._cancel("login")
        self._later("login", LOGIN_RETRY, self.introduce)
        self._on_trouble(reason)

    def _repeat(self, index: int) -> None:
        """Send a regular message now and at every interval."""
        message = self._regular[index]
        longest = SILENT_INTERVALS * message.every
        if message.expects_reply and self._silence() >= longest:
            self._is_silent = True
            self._on_trouble(f"no reply to {message.address} for {longest:.2g} s")
        self._send(message.packet)
        self._later(index, message.every, partial(self._repeat, index))

    def _silence(self) -> float:
        """Seconds since the last packet."""
        return asyncio.get_running_loop().time() - self._heard_at

    def _later(self, key: int | str, seconds: float, call: Callable[[], None]) -> None:
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, call)

    def _cancel(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()


def _regular_messages(options: OSCOptions) -> Iterator[_Regular]:
    profile = None if options.profile is None else options.profile.options
    if options.keepalive is not None:
        text, every = options.keepalive.send, options.keepalive.every
        yield _Regular(packet_of(text), text.split()[0], every, options.keepalive.expect)
    elif profile is not None and profile.keepalive is not None:
        text, every = profile.keepalive.send, profile.keepalive.every
        yield _Regular(packet_of(text), text.split()[0], every, False)
    if profile is not None and profile.probe is not None:
        text, every = profile.probe.send, profile.probe.every
        yield _Regular(packet_of(text), text.split()[0], every, True)
