"""The certificates that a configuration names."""

from __future__ import annotations

from collections.abc import Mapping

from oscbridge.net.certificate import CertificateInfo, read_certificates
from oscbridge.options import Options

__all__ = ["certificates_of"]


def certificates_of(options: Options) -> Mapping[str, CertificateInfo]:
    """The certificates of an endpoint by key. Without any if its plugin is broken."""
    try:
        return read_certificates(options.certificates())
    except Exception:
        return {}
