"""The certificates that a configuration names."""

from __future__ import annotations

from collections.abc import Mapping

from oscbridge.contract.options import Options
from oscbridge.net.certificate import CertificateInfo, read_certificates

__all__ = ["certificates_of", "new_certificates"]


def certificates_of(options: Options) -> Mapping[str, CertificateInfo]:
    """The certificates that options name, by key; none if their plugin is broken."""
    try:
        return read_certificates(options.certificates())
    except BaseException:
        return {}


def new_certificates(
    part: str, before: Mapping[str, CertificateInfo], now: Mapping[str, CertificateInfo]
) -> tuple[str, ...]:
    """A line about each certificate of a part, e.g. ``http``, that another one has replaced."""
    return tuple(
        f"{part}: new {key}, valid until {info.end:%Y-%m-%d}"
        for key, info in now.items()
        if (old := before.get(key)) is not None and old.fingerprint != info.fingerprint
    )
