"""TLS connections to a server."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import oscbridge
from oscbridge_nats.options import NATSOptions

__all__ = ["contents_of_files", "tls_context"]


def tls_context(options: NATSOptions) -> ssl.SSLContext:
    """The authorities to trust, and the certificate to show.

    Raises :class:`oscbridge.ConfigurationError` for invalid files.
    """
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (ssl.SSLError, OSError) as error:
        raise oscbridge.ConfigurationError(
            f"ca = {options.ca}: not a valid certificate: {error}"
        ) from None
    if options.ca is not None:  # strict rules, which certificates of one's own often break
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if options.certificate is not None:
        try:
            # Without a password OpenSSL would ask for one at the terminal.
            context.load_cert_chain(options.certificate, options.key, password="")
        except (ssl.SSLError, OSError) as error:
            raise oscbridge.ConfigurationError(
                f"certificate = {options.certificate}, key = {options.key}: "
                f"not a valid certificate with its key: {error}"
            ) from None
    return context


def contents_of_files(options: NATSOptions) -> Sequence[bytes]:
    """The current contents of the files in the options."""
    files = (options.ca, options.certificate, options.key, options.credentials)
    return [b"" if file is None else file.read_bytes() for file in files]
