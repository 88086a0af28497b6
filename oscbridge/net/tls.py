"""The TLS context of a server with a certificate."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Final

from oscbridge.file_reading import open_regular

__all__ = ["describe_tls_error", "tls_context", "tls_handshake"]

MAX_INSPECTED: Final = 1 << 20
"""Bytes of a file that are searched to explain an error."""


def tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """A context for HTTP and WebSocket over TLS 1.2 and later, or None without a certificate.

    Raises ``ValueError`` if the files are missing, damaged, or do not belong together.
    """
    if certificate is None:
        if key is not None:
            raise ValueError("key: has no effect without a certificate; set 'certificate' as well")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A client could keep the server busy with repeated handshakes.
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without this, OpenSSL would prompt for a passphrase in a terminal that nobody watches.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:
        raise ValueError(_explain(error, certificate, key or certificate)) from None
    return context


_MISMATCH: Final = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""OpenSSL's reasons for a key of another certificate; the last one if the type differs too."""


def _explain(error: OSError, certificate: Path, key: Path) -> str:
    if not isinstance(error, ssl.SSLError):
        return f"certificate {certificate}, key {key}: {error.strerror or error}"
    if error.reason in _MISMATCH:
        return f"{key} is not the key of {certificate}; use files that were created together"
    if _contains(key, b"ENCRYPTED"):
        return (
            f"key {key}: it has a passphrase, which the bridge cannot ask for; "
            f"`openssl pkey -in KEY -out NEW` removes it"
        )
    if not _contains(certificate, b"-----BEGIN CERTIFICATE-----"):
        return f"certificate {certificate}: no PEM certificate ('-----BEGIN CERTIFICATE-----')"
    if not _contains(key, b"PRIVATE KEY-----"):
        return f"key {key}: no PEM private key ('-----BEGIN PRIVATE KEY-----')"
    return f"certificate {certificate}, key {key}: one of them is damaged ({error.reason})"


def _contains(file: Path, marker: bytes) -> bool:
    with open_regular(file) as opened:
        return marker in opened.read(MAX_INSPECTED)


async def tls_handshake(
    transport: asyncio.Transport,
    protocol: asyncio.BaseProtocol,
    context: ssl.SSLContext,
    *,
    timeout: float,
    shutdown_timeout: float,
) -> asyncio.Transport | None:
    """Start TLS on an accepted connection, for a protocol whose ``connection_made`` was called.

    ``timeout`` and ``shutdown_timeout``: seconds for the handshake and for the closing one.
    Returns the transport to use from now on, or None if the connection has ended. Raises
    ``OSError`` if the handshake fails. In both cases the connection is aborted, and
    ``connection_lost`` may not be called. Nothing must be read from it before the handshake.
    """
    secured: asyncio.Transport | None = None
    try:
        if not transport.is_closing():  # on a closed connection start_tls would never return
            secured = await asyncio.get_running_loop().start_tls(
                transport,
                protocol,
                context,
                server_side=True,
                ssl_handshake_timeout=timeout,
                ssl_shutdown_timeout=shutdown_timeout,
            )
    finally:
        if secured is None or secured.is_closing():
            transport.abort()
            secured = None
    return secured


def describe_tls_error(error: OSError) -> str:
    """Why a TLS handshake failed, in words that contain no text of the peer."""
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").lower().replace("_", " ")
        if reason in ("http request", "wrong version number"):
            return "the client does not use TLS; its URL must start with https:// or wss://"
        return reason or "unknown reason"
    if isinstance(error, ConnectionAbortedError):
        return "timed out"
    return "the client disconnected"
