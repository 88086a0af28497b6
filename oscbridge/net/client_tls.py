"""TLS connections to a server, for the endpoints that are its clients."""

from __future__ import annotations

import ssl
from pathlib import Path

from oscbridge.errors import ConfigurationError

__all__ = ["client_tls_context", "untrusted_certificate"]


def client_tls_context(
    ca: Path | None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """A context that trusts an authority, and may show a certificate.

    ``ca`` is the certificate of the authority; None for those that the system trusts.
    ``certificate`` and ``key`` are those of the client. Raises :class:`ConfigurationError`, which
    names the options ``ca``, ``certificate`` and ``key``, for invalid files.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationError(f"ca = {ca}: not a valid certificate: {error}") from None
    if ca is not None:
        # From Python 3.13 a certificate has to comply strictly with RFC 5280. Certificates made
        # as described in mosquitto-tls(7) do not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if certificate is not None:
        try:
            # Without a password OpenSSL would ask for one at the terminal.
            context.load_cert_chain(certificate, key, password="")
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(
                f"certificate = {certificate}, key = {key}: "
                f"not a valid certificate with its key: {error}"
            ) from None
    return context


def untrusted_certificate(error: ssl.SSLCertVerificationError, host: str) -> str:
    """Why the certificate of a server is not trusted, with a hint; ``host`` is its name."""
    reason = error.verify_message
    if "hostname" in reason.lower() or "IP address" in reason:
        return f"{reason}; connect by a name in the certificate instead of {host}"
    if "unable to get" in reason or "self" in reason:
        return f"{reason}; set ca to the certificate of its authority"
    return reason
