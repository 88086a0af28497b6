"""Publishing with acknowledgement: many on their way at once, none forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import oscbridge
from oscbridge_mqtt.link import Link
from oscbridge_mqtt.publication import Publication

__all__ = ["ACK_TIMEOUT", "Window"]

ACK_TIMEOUT: Final = 10.0
"""Seconds without any acknowledgement after which the connection is given up."""


UNSAID: Final = 20
"""Messages with QoS 2 on their way at once where the broker does not say how many it takes.

MQTT 3.1.1 has no word for it. Mosquitto takes 20, and breaks the connection beyond.
"""


class Window:
    """The publications of one batch on their way to the broker."""

    def __init__(self, link: Link, publications: Sequence[Publication]) -> None:
        self.answers: list[str | None] = [None] * len(publications)
        """Why each is refused, empty if it is taken, None while that is not known."""
        self._link = link
        self._publications = publications
        self._waiting: dict[int, int] = {}
        self._next = 0
        self._moved = asyncio.Event()
        self._error: Exception | None = None

    def acknowledged(self, mid: int, refused: str) -> None:
        """The broker has answered a message, one of these or another."""
        index = self._waiting.pop(mid, None)
        if index is not None:
            self.answers[index] = refused
        self._moved.set()  # whatever it was, there is room

    def lost(self, error: Exception) -> None:
        """The connection is gone."""
        self._error = error
        self._moved.set()

    async def publish(self) -> None:
        """Publish all and wait for the answers.

        Raises :class:`oscbridge.NotConnected`; what was answered is in :attr:`answers`.
        """
        # QoS 2 is paho's, and what stands between keeps its place.
        direct = self._link.takes_packets and all(p.plan.qos < 2 for p in self._publications)
        while True:
            if direct:
                packets = self._packets()
                if packets:
                    await self._link.write(packets)
            else:
                self._hand_over()
            if not self._waiting and self._next == len(self._publications):
                return
            if not self._moved.is_set():
                await self._wait()
            self._moved.clear()
            if self._error is not None:
                raise oscbridge.NotConnected(str(self._error))

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(ACK_TIMEOUT):
                await self._moved.wait()
        except TimeoutError:
            text = f"the broker acknowledged nothing for {ACK_TIMEOUT:g} s"
            raise oscbridge.NotConnected(text) from None

    def _packets(self) -> list[bytes]:
        """What may be sent now. QoS 0 is done when it is written."""
        link, waiting, packets = self._link, self._waiting, []
        while self._next < len(self._publications) and link.has_room:
            publication = self._publications[self._next]
            mid = 0
            if publication.plan.qos:
                mid = link.next_mid()
                waiting[mid] = self._next
            else:
                self.answers[self._next] = ""
            packets.append(link.packet(publication, mid))
            self._next += 1
        return packets

    def _hand_over(self) -> None:
        """Let paho publish what may be published now."""
        link, publications, waiting = self._link, self._publications, self._waiting
        window = link.window if link.is_5 else UNSAID
        while self._next < len(publications) and len(waiting) < window and link.has_room:
            topic, payload, plan = publications[self._next]
            waiting[link.publish(topic, payload, plan.qos, plan.retain)] = self._next
            self._next += 1
