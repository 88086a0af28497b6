"""recvmmsg(2), called by ctypes, with the structures of 64-bit little-endian Linux."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
from functools import cache
from typing import Final

from oscbridge.net.socket_address import ClientAddress

__all__ = ["RecvMMsg"]


_TWO_VECTORS: Final = struct.Struct("=4Q")
"""Twice ``struct iovec``: where, and how many bytes."""
_HEADER: Final = struct.Struct("=QI4xQQ24xI4x")
"""``struct mmsghdr``: address, its size, vectors, their number; then the received bytes."""
_LENGTH: Final = 56
"""Where the received bytes are counted in it."""

_MSG_DONTWAIT: Final = 0x40
_IPV4: Final = struct.Struct("!2xH4s8x")  # sockaddr_in, without the family
_IPV6: Final = struct.Struct("!2xHI16s4x")  # sockaddr_in6, without the scope
_SCOPE: Final = struct.Struct("=24xI")


SMALL: Final = 512
"""Bytes of a datagram in the dense buffer; the rest of a longer one is in another buffer."""


class RecvMMsg:
    """Reads with recvmmsg(2). The buffers live as long as this object.

    Most datagrams are small. In a dense buffer they stay in the processor's cache, from which
    slots of 64 KiB would displace one another.
    """

    def __init__(self, sock: socket.socket, size: int, batch: int, max_clients: int) -> None:
        self._sock = sock
        self._batch = batch
        self._max_clients = max_clients
        self._small = min(size, SMALL)
        self._stride = -(-(size - self._small) // mmap.PAGESIZE) * mmap.PAGESIZE
        self._name_size = _IPV4.size if sock.family == socket.AF_INET else _IPV6.size
        # Anonymous maps: pages that no datagram touches take no memory.
        self._starts = mmap.mmap(-1, batch * SMALL)
        self._rests = mmap.mmap(-1, max(batch * self._stride, 1))
        self._names = mmap.mmap(-1, batch * self._name_size)
        starts, rests, names = map(_address_of, (self._starts, self._rests, self._names))
        vectors = b"".join(
            _TWO_VECTORS.pack(
                *(starts + index * SMALL, self._small),
                *(rests + index * self._stride, size - self._small),
            )
            for index in range(batch)
        )
        self._vectors = ctypes.create_string_buffer(vectors, len(vectors))
        first = ctypes.addressof(self._vectors)
        headers = b"".join(
            _HEADER.pack(
                *(names + index * self._name_size, self._name_size),
                *(first + index * _TWO_VECTORS.size, 2, 0),
            )
            for index in range(batch)
        )
        self._headers = ctypes.create_string_buffer(headers, len(headers))
        words = memoryview(self._headers).cast("B").cast("I")
        self._lengths = words[_LENGTH // 4 :: _HEADER.size // 4]
        self._first = ctypes.c_void_p(ctypes.addressof(self._headers))
        self._clients: dict[bytes, ClientAddress] = {}
        self._call = _library().recvmmsg

    def receive(self) -> list[tuple[bytes, ClientAddress]]:
        count = self._call(self._sock.fileno(), self._first, self._batch, _MSG_DONTWAIT, None)
        if count == 1:  # most of the time, at the rates of a show
            length = self._lengths[0]
            client = self._clients.get(self._names[: self._name_size])
            if client is not None and length <= SMALL:
                return [(self._starts[:length], client)]
        if count < 0:
            number = ctypes.get_errno()
            if number in (errno.EAGAIN, errno.EINTR):
                return []
            raise OSError(number, os.strerror(number))
        lengths: list[int] = self._lengths[:count].tolist()
        if max(lengths, default=0) <= SMALL:
            try:
                return self._read_small(lengths)
            except KeyError:
                pass  # a new sender
        return [self._read(index, length) for index, length in enumerate(lengths)]

    def _read_small(self, lengths: list[int]) -> list[tuple[bytes, ClientAddress]]:
        """Datagrams in the dense buffer. Raises ``KeyError`` for a new sender."""
        starts, clients, size = self._starts, self._clients, self._name_size
        places = range(0, len(lengths) * SMALL, SMALL)
        end = len(lengths) * size
        names = self._names[:end]
        first = names[:size]
        if names == first * len(lengths):  # most of the time there is one sender
            client = clients.get(first) or self._client(first)
            return [
                (starts[place : place + length], client)
                for place, length in zip(places, lengths, strict=True)
            ]
        return [
            (starts[place : place + length], clients[names[name : name + size]])
            for place, name, length in zip(places, range(0, end, size), lengths, strict=True)
        ]

    def _read(self, index: int, length: int) -> tuple[bytes, ClientAddress]:
        """One datagram of any length, from any sender."""
        start, name = index * SMALL, index * self._name_size
        data = self._starts[start : start + min(length, self._small)]
        if length > self._small:
            rest = index * self._stride
            data += self._rests[rest : rest + length - self._small]
        sender = self._names[name : name + self._name_size]
        return data, self._clients.get(sender) or self._client(sender)

    def _client(self, name: bytes) -> ClientAddress:
        """A sender's address as ``recvfrom`` returns it."""
        client: ClientAddress
        if self._name_size == _IPV4.size:
            port, host = _IPV4.unpack(name)
            client = (socket.inet_ntop(socket.AF_INET, host), port)
        else:
            port, flow, host = _IPV6.unpack(name)
            (scope,) = _SCOPE.unpack(name)
            client = (socket.inet_ntop(socket.AF_INET6, host), port, flow, scope)
        if len(self._clients) >= self._max_clients:
            self._clients.clear()
        self._clients[name] = client
        return client


@cache
def _library() -> ctypes.CDLL:
    """The C library. Without argtypes integers are passed as int, faster than by a converter."""
    return ctypes.CDLL(None, use_errno=True)


def _address_of(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
