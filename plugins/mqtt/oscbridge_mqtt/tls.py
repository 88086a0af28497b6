"""TLS to a broker."""

from __future__ import annotations

import ssl

import oscbridge
from oscbridge_mqtt.options import MQTTOptions

__all__ = ["tls_context"]


def tls_context(options: MQTTOptions) -> ssl.SSLContext:
    """How the broker is checked, and what it is shown.

    Raises :class:`oscbridge.ConfigurationError` about files that are no certificates.
    """
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (ssl.SSLError, OSError) as error:
        raise oscbridge.ConfigurationError(f"ca = {options.ca}: no certificate: {error}") from None
    if options.ca is not None:
        # From Python 3.13 on a certificate also has to keep to RFC 5280 to the letter. Those
        # that people make at home, as mosquitto-tls(7) says how, do not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if options.certificate is not None:
        try:
            # Without a passphrase: or OpenSSL would ask for one at the terminal.
            context.load_cert_chain(options.certificate, options.key, password="")
        except (ssl.SSLError, OSError) as error:
            raise oscbridge.ConfigurationError(
                f"certificate = {options.certificate}, key = {options.key}: "
                f"they do not go together, or are no certificate and key: {error}"
            ) from None
    return context
