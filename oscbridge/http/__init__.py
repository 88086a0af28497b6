"""What serves HTTP: an application of aiohttp behind the limits and rules of the bridge.

For plugins too: an endpoint that serves HTTP makes a :class:`web.Application` of aiohttp and
gives it to an :class:`HTTPFront`. These names are public, and imported on first use: aiohttp
takes a tenth of a second to load.
"""

from typing import TYPE_CHECKING

from oscbridge.lazy_names import lazy_names

if TYPE_CHECKING:
    from oscbridge.http.body import read_body
    from oscbridge.http.cors import answer_pages
    from oscbridge.http.errors import ErrorFormat, HTTPProblem, plain_error, problem_document
    from oscbridge.http.front import HTTPFront, making_room
    from oscbridge.http.limits import HTTPLimits
    from oscbridge.http.loop_share import LoopShare
    from oscbridge.http.rules import HTTPRules, access_of
    from oscbridge.net.client_address import client_address
    from oscbridge.net.tls import describe_tls_error, tls_context, tls_handshake

__all__ = [
    "ErrorFormat",
    "HTTPFront",
    "HTTPLimits",
    "HTTPProblem",
    "HTTPRules",
    "LoopShare",
    "access_of",
    "answer_pages",
    "client_address",
    "describe_tls_error",
    "making_room",
    "plain_error",
    "problem_document",
    "read_body",
    "tls_context",
    "tls_handshake",
]

__getattr__ = lazy_names(
    __name__,
    "oscbridge.http.body.read_body",
    "oscbridge.http.cors.answer_pages",
    "oscbridge.http.errors.ErrorFormat",
    "oscbridge.http.errors.HTTPProblem",
    "oscbridge.http.errors.plain_error",
    "oscbridge.http.errors.problem_document",
    "oscbridge.http.front.HTTPFront",
    "oscbridge.http.front.making_room",
    "oscbridge.http.rules.HTTPRules",
    "oscbridge.http.rules.access_of",
    "oscbridge.http.limits.HTTPLimits",
    "oscbridge.http.loop_share.LoopShare",
    "oscbridge.net.client_address.client_address",
    "oscbridge.net.tls.describe_tls_error",
    "oscbridge.net.tls.tls_context",
    "oscbridge.net.tls.tls_handshake",
)
