"""TLS: what an endpoint with a certificate speaks."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

__all__ = ["make_context"]

MAX_FILE: Final = 1 << 20
"""Bytes of a file that are looked at for what is wrong with it."""


def make_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """The server's side of TLS 1.2 and later, or None without a certificate.

    Raises ``ValueError`` that says what is wrong with the files.
    """
    if certificate is None:
        if key is not None:
            raise ValueError("key: a key alone is of no use; set certificate as well")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A client could keep the server busy with one handshake after another.
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        # A passphrase would be asked for in the terminal, which nobody watches.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:
        raise ValueError(_what(error, certificate, key or certificate)) from None
    return context


_STRANGERS: Final = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""What OpenSSL says to a key of another certificate, the last where it is of another kind."""


def _what(error: OSError, certificate: Path, key: Path) -> str:
    if not isinstance(error, ssl.SSLError):
        return f"certificate {certificate}, key {key}: {error.strerror or error}"
    if error.reason in _STRANGERS:
        return f"{key} is not the key of {certificate}; set the two that were made together"
    if _has(key, b"ENCRYPTED"):
        return (
            f"key {key}: it has a passphrase, which nobody could type in; "
            f"`openssl pkey -in KEY -out NEW` writes it without"
        )
    if not _has(certificate, b"-----BEGIN CERTIFICATE-----"):
        return f"certificate {certificate}: no certificate in PEM ('-----BEGIN CERTIFICATE-----')"
    if not _has(key, b"PRIVATE KEY-----"):
        return f"key {key}: no private key in PEM ('-----BEGIN PRIVATE KEY-----')"
    return f"certificate {certificate}, key {key}: one of them is damaged ({error.reason})"


def _has(file: Path, mark: bytes) -> bool:
    with file.open("rb") as opened:
        return mark in opened.read(MAX_FILE)
