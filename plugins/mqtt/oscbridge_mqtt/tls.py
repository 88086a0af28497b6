"""TLS connections to a broker."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import oscbridge
from oscbridge_mqtt.options import MQTTOptions

__all__ = ["contents_of_files", "tls_context"]


def tls_context(options: MQTTOptions) -> ssl.SSLContext:
    """The authorities to trust, and the certificate to show.

    Raises :class:`oscbridge.ConfigurationError` for invalid files.
    """
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (ssl.SSLError, OSError) as error:
        raise oscbridge.ConfigurationError(
            f"ca = {options.ca}: not a valid certificate: {error}"
        ) from None
    if options.ca is not None:
        # From Python 3.13 a certificate has to comply strictly with RFC 5280. Certificates made
        # as described in mosquitto-tls(7) do not.
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


def contents_of_files(options: MQTTOptions) -> Sequence[bytes]:
    """The current contents of the files in the options."""
    files = (options.ca, options.certificate, options.key)
    return [b"" if file is None else file.read_bytes() for file in files]
