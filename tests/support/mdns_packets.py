"""Packets of mDNS as any program may send them, byte by byte (RFC 1035, section 4)."""

from __future__ import annotations

import socket
import struct

GROUP = ("224.0.0.251", 5353)
A, PTR, TXT, SRV = 1, 12, 16, 33
TTL = 120


def name(*labels: bytes) -> bytes:
    return b"".join(bytes([len(each)]) + each for each in labels) + b"\0"


def record(owner: bytes, kind: int, data: bytes, ttl: int = TTL) -> bytes:
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def response(*records: bytes) -> bytes:
    return struct.pack(">HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def service(
    instance: bytes,
    port: int,
    address: str,
    text: bytes = b"\0",
    ttl: int = TTL,
    host: bytes = b"hostile",
) -> bytes:
    """The announcement of a service of type ``_osc._udp``."""
    kind = (b"_osc", b"_udp", b"local")
    full, target = name(instance, *kind), name(host, b"local")
    return response(
        record(name(*kind), PTR, full, ttl),
        record(full, SRV, struct.pack(">HHH", 0, 0, port) + target, ttl),
        record(full, TXT, text, ttl),
        record(target, A, socket.inet_aton(address), ttl),
    )


class Sender:
    """Sends packets to everyone on loopback."""

    def __enter__(self) -> Sender:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
        )
        # Answers from other ports are not accepted (RFC 6762, section 6).
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            self._sock.setsockopt(socket.SOL_SOCKET, option, 1)
        self._sock.bind(("127.0.0.1", GROUP[1]))
        return self

    def send(self, packet: bytes) -> None:
        self._sock.sendto(packet, GROUP)

    def __exit__(self, *_error: object) -> None:
        self._sock.close()
