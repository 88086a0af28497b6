"""recvmmsg(2), by ctypes. Its structures are as on 64 bit little-endian Linux."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
from typing import Final

from oscbridge.handler import ClientAddress
from oscbridge.transport.receive import BATCH, MAX_CLIENTS

__all__ = ["RecvMMsg"]


class _IOVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _MMsgHdr(ctypes.Structure):
    _fields_ = (("header", _MsgHdr), ("length", ctypes.c_uint32))


_MSG_DONTWAIT: Final = 0x40
_IPV4: Final = struct.Struct("!2xH4s8x")  # sockaddr_in, its family left out
_IPV6: Final = struct.Struct("!2xHI16s4x")  # sockaddr_in6, without the scope
_SCOPE: Final = struct.Struct("=24xI")


class RecvMMsg:
    """Reads with recvmmsg(2). The buffers live as long as this object."""

    def __init__(self, sock: socket.socket, size: int) -> None:
        self._sock = sock
        self._stride = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        self._name_size = _IPV4.size if sock.family == socket.AF_INET else _IPV6.size
        # Anonymous maps: pages that no datagram touches take no memory.
        self._data = mmap.mmap(-1, BATCH * self._stride)
        self._names = mmap.mmap(-1, BATCH * self._name_size)
        data, names = _address_of(self._data), _address_of(self._names)
        self._vectors = (_IOVec * BATCH)()
        self._headers = (_MMsgHdr * BATCH)()
        for index in range(BATCH):
            vector, header = self._vectors[index], self._headers[index].header
            vector.base, vector.length = data + index * self._stride, size
            header.name, header.name_length = names + index * self._name_size, self._name_size
            header.vectors, header.vector_count = ctypes.addressof(vector), 1
        words = memoryview(self._headers).cast("B").cast("I")
        step = ctypes.sizeof(_MMsgHdr) // 4
        self._lengths = words[_MMsgHdr.length.offset // 4 :: step]
        self._clients: dict[bytes, ClientAddress] = {}
        self._call = ctypes.CDLL(None, use_errno=True).recvmmsg
        self._call.argtypes = (
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_void_p,
        )

    def receive(self) -> list[tuple[bytes, ClientAddress]]:
        count = self._call(self._sock.fileno(), self._headers, BATCH, _MSG_DONTWAIT, None)
        if count < 0:
            number = ctypes.get_errno()
            if number in (errno.EAGAIN, errno.EINTR):
                return []
            raise OSError(number, os.strerror(number))
        data, names, clients = self._data, self._names, self._clients
        stride, name_size = self._stride, self._name_size
        batch: list[tuple[bytes, ClientAddress]] = []
        start = name_start = 0
        for length in self._lengths[:count].tolist():
            name = names[name_start : name_start + name_size]
            batch.append((data[start : start + length], clients.get(name) or self._client(name)))
            start += stride
            name_start += name_size
        return batch

    def _client(self, name: bytes) -> ClientAddress:
        """A sender's address as ``recvfrom`` would give it."""
        client: ClientAddress
        if self._name_size == _IPV4.size:
            port, host = _IPV4.unpack(name)
            client = (socket.inet_ntop(socket.AF_INET, host), port)
        else:
            port, flow, host = _IPV6.unpack(name)
            (scope,) = _SCOPE.unpack(name)
            client = (socket.inet_ntop(socket.AF_INET6, host), port, flow, scope)
        if len(self._clients) >= MAX_CLIENTS:
            self._clients.clear()
        self._clients[name] = client
        return client


def _address_of(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
