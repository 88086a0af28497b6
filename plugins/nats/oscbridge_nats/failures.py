"""Error messages about a server, with a hint how to fix the cause."""

from __future__ import annotations

import ssl
from typing import Final

from nats import errors
from nats.js.errors import ServiceUnavailableError

import oscbridge
from oscbridge_nats.server_url import NATSServerURL

__all__ = ["api_failure", "connect_failure", "shown"]

MAX_TEXT: Final = 200
"""Most characters that are shown of a text from a server."""

NOT_A_SERVER: Final = "not a NATS server: it does not begin with INFO"

_HINTS: Final = {
    "authorization violation": "check user and password, token, nkey or credentials",
    "authentication timeout": "check user and password, token, nkey or credentials",
    "user authentication expired": "the credentials have expired; get new ones",
    "maximum connections exceeded": "the server accepts no more clients",
    "maximum account active connections exceeded": "the account accepts no more clients",
}


def shown(text: str) -> str:
    """A text from a server, on one line."""
    line = "".join(c if c.isprintable() else "?" for c in text)
    return line[:MAX_TEXT]


def connect_failure(
    error: Exception, server: NATSServerURL, timeout: float
) -> oscbridge.EndpointError:
    """The error for a server that cannot be reached or does not accept the connection.

    ``timeout`` is in seconds.
    """
    return oscbridge.EndpointError(f"{server}: {_explain(error, server, timeout)}")


def _explain(error: Exception, server: NATSServerURL, timeout: float) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            why = oscbridge.untrusted_certificate(error, server.host)
            return f"the server's certificate is not trusted: {why}"
        case ssl.SSLError():
            return (
                f"TLS failed: {error.reason or error}; "
                "a server may require a client certificate: set certificate and key"
            )
        case errors.SecureConnWantedError():
            return "the server does not offer TLS; set the scheme to nats://, or configure its tls"
        case TimeoutError():
            return f"no answer within {timeout:g} s; is this a NATS server?"
        case OSError():
            return oscbridge.what_failed(error)
        case UnicodeError():
            return f"{server.host!r} is not a valid host name"
        case errors.AuthorizationError():
            return f"the server rejected the connection; {_HINTS['authorization violation']}"
        case errors.Error():
            text = _of_server(str(error))
            if text == NOT_A_SERVER and server.scheme == "tls":
                text += "; or it expects TLS at once: remove handshake_first from its tls"
            return text
    return f"not a NATS server: {shown(repr(error))}"  # e.g. a line without an end, or wrong JSON


def _of_server(text: str) -> str:
    bare = text.removeprefix("nats: ").strip("'\r\n ")
    if "expecting INFO" in bare or "json parse" in bare:
        return NOT_A_SERVER
    hint = _HINTS.get(bare.lower(), "")
    return f"the server rejected the connection: {shown(bare)}" + (hint and f"; {hint}")


def api_failure(error: Exception, what: str) -> str:
    """Why a request to JetStream failed, for the log."""
    code = getattr(error, "err_code", None)
    description = getattr(error, "description", None)
    is_silent = isinstance(error, errors.NoRespondersError | ServiceUnavailableError)
    if is_silent and code is None:
        return f"{what}: JetStream does not answer; is it enabled, and are most servers running?"
    if isinstance(error, TimeoutError):
        return f"{what}: no answer; are most servers of the cluster running?"
    if code == NOT_ENABLED:
        return f"{what}: JetStream is not enabled; set jetstream in the files of the servers"
    return f"{what}: {shown(str(description or error))}"


NOT_ENABLED: Final = 10039
"""JetStream's error code for an account without it."""
