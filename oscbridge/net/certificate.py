"""How long the certificates in a PEM file are valid. The standard library reads that only for
the certificates of a connection."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from oscbridge.file_reading import open_regular

__all__ = ["CertificateInfo", "certificate_warning", "read_certificate", "read_certificates"]

MAX_FILE: Final = 1 << 20
"""Bytes of a file that are read."""

ENDS_SOON: Final = timedelta(days=14)
"""Remaining time of a certificate that is a warning."""

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17


class CertificateInfo(NamedTuple):
    """The certificates of a file."""

    start: datetime
    """When all of them are valid."""
    end: datetime
    """When the first of them is no longer valid."""
    fingerprint: str
    """Identifies the content."""


def read_certificates(files: Mapping[str, Path]) -> dict[str, CertificateInfo]:
    """The certificates in some files, by the same keys; without those that cannot be read."""
    found = {key: read_certificate(path) for key, path in files.items()}
    return {key: info for key, info in found.items() if info is not None}


def read_certificate(path: Path) -> CertificateInfo | None:
    """The certificates in a PEM file; None if there is none that can be read."""
    try:
        with open_regular(path) as file:
            text = file.read(MAX_FILE).decode("ascii", "replace")
        chain = [ssl.PEM_cert_to_DER_cert(pem) for pem in _PEM.findall(text)]
        times = [_validity(der) for der in chain]
    except (OSError, ValueError, IndexError):
        return None
    if not times:
        return None
    start, end = max(start for start, _ in times), min(end for _, end in times)
    return CertificateInfo(start, end, hashlib.sha256(b"".join(chain)).hexdigest())


def certificate_warning(info: CertificateInfo, now: datetime) -> str:
    """The present or coming problem of a certificate at a time; empty if there is none."""
    if now >= info.end:
        return f"expired on {info.end:%Y-%m-%d}; renew it"
    if now < info.start:
        return f"not valid before {info.start:%Y-%m-%d %H:%M} UTC; check the clock, or renew it"
    if info.end - now <= ENDS_SOON:
        days = (info.end - now).days
        left = f"{days} day{'' if days == 1 else 's'}" if days else "less than a day"
        return f"expires in {left}, on {info.end:%Y-%m-%d}; renew it"
    return ""


def _validity(der: bytes) -> tuple[datetime, datetime]:
    """The times in a certificate (RFC 5280, section 4.1). Raises ``ValueError`` or ``IndexError``.

    Before them are the version, which may be missing, the number, the algorithm and the issuer.
    """
    certificate = _content(der, 0)[1]
    fields = _content(certificate, 0)[1]
    position = 0
    tag, _, end = _content(fields, 0)
    if tag == _VERSION:
        position = end
    for _ in range(3):
        position = _content(fields, position)[2]
    tag, times, _ = _content(fields, position)
    if tag != _SEQUENCE:
        raise ValueError("not a certificate")
    tag, start, position = _content(times, 0)
    last_tag, end_time, _ = _content(times, position)
    return _time(tag, start), _time(last_tag, end_time)


def _content(data: bytes, position: int) -> tuple[int, bytes, int]:
    """The tag, the content and the end of the DER element at a position."""
    tag, length = data[position], data[position + 1]
    position += 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[position : position + size])
        position += size
    return tag, data[position : position + length], position + length


def _time(tag: int, text: bytes) -> datetime:
    digits = text.decode("ascii")
    if tag == _UTC_TIME:  # years 1950 to 2049
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
