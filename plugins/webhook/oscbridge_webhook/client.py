"""Sends requests, and decides what their answers mean for the message."""

from __future__ import annotations

import random
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import hdrs
from yarl import URL

import oscbridge
from oscbridge_webhook.requests import WebhookRequest

__all__ = [
    "MAX_ANSWER",
    "MAX_DELAY",
    "MAX_REDIRECTS",
    "MAX_RETRY_AFTER",
    "WebhookClient",
    "retry_delay",
]

MIN_DELAY: Final = 1.0
MAX_DELAY: Final = 60.0
"""Seconds before a message is sent again: it begins with the one and doubles up to the other."""

JITTER: Final = (0.8, 1.2)
"""A factor for these, chosen at random, so that many bridges do not retry all at once."""

MAX_RETRY_AFTER: Final = 3_600.0
"""The longest ``Retry-After`` that is obeyed, in seconds."""

MAX_REDIRECTS: Final = 5
"""Most redirects of one request."""

MAX_ANSWER: Final = 65_536
"""Bytes of an answer that are read."""

MAX_SHOWN: Final = 200
"""Most characters of an answer in an error."""

_REDIRECTS: Final = (301, 302, 307, 308)
_RETRIED: Final = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
"""Statuses below 500 that say that the same request may succeed later (RFC 9110, section 15.5.9;
RFC 8470, section 5.2; RFC 6585, section 4)."""


class WebhookClient:
    """The connection to the receivers. One request at a time, so that the order is kept."""

    def __init__(self, host: oscbridge.Host, tls: ssl.SSLContext, timeout: float) -> None:
        self.tls = tls
        self.timeout = timeout
        self._host = host
        self._failures = 0
        """Failures in a row."""
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a small answer could become a large one
            skip_auto_headers=(hdrs.CONTENT_TYPE,),
            headers={hdrs.ACCEPT_ENCODING: "identity", hdrs.USER_AGENT: "oscbridge"},
        )

    async def close(self) -> None:
        await self._session.close()

    async def deliver(self, request: WebhookRequest) -> None:
        """Send a request until the receiver has accepted it.

        Raises :class:`oscbridge.BackOff` if it has to be sent again, and
        :class:`oscbridge.BadMessage` if the receiver will never accept it.
        """
        for _ in range(MAX_REDIRECTS + 1):
            redirect = await self._send(request)
            if redirect is None:
                self._failures = 0
                return
            request = request._replace(url=redirect)
        raise oscbridge.BadMessage(f"more than {MAX_REDIRECTS} redirects, the last to {redirect}")

    async def _send(self, request: WebhookRequest) -> URL | None:
        """Send a request. Returns the URL to send it to instead, if there is one."""
        try:
            async with self._session.request(
                request.method,
                request.url,
                data=request.body or None,
                headers=request.headers,
                allow_redirects=False,
                ssl=self.tls,
                timeout=aiohttp.ClientTimeout(total=self.timeout),
            ) as response:
                text = await _read(response)
        except (aiohttp.ClientError, OSError) as error:
            why = f"{request.url.origin()}: {self._explain(error)}"
            self._host.unreachable(why)
            raise oscbridge.BackOff(self._delay(), why) from None
        self._host.reachable()
        status = response.status
        if status // 100 == 2 or status == HTTPStatus.SEE_OTHER:
            return None
        answer = f"{request.url.origin()} answered {status} {response.reason or ''}".rstrip()
        if status in _REDIRECTS:
            return _redirect(request.url, response.headers.get(hdrs.LOCATION, ""), answer)
        answer = f"{answer}: {text}" if text else answer
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRIED:
            raise oscbridge.BackOff(self._delay(response.headers.get(hdrs.RETRY_AFTER)), answer)
        raise oscbridge.BadMessage(answer)

    def _explain(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within timeout = {self.timeout:g} s"
        if isinstance(error, OSError) and error.errno:
            return oscbridge.what_failed(error)
        return str(error) or type(error).__name__

    def _delay(self, retry_after: str | None = None) -> float:
        """Seconds before the next attempt."""
        found = retry_delay(self._failures, retry_after, random.uniform(*JITTER))
        self._failures += 1
        return found


def retry_delay(failures: int, retry_after: str | None, jitter: float) -> float:
    """Seconds before another attempt, after some failures in a row before this one.

    ``retry_after`` is the header, ``jitter`` a factor.
    """
    wanted = _seconds(retry_after)
    if wanted is not None:
        return min(max(wanted, MIN_DELAY), MAX_RETRY_AFTER)
    return min(MAX_DELAY, MIN_DELAY * (1 << min(failures, 16))) * jitter


async def _read(response: aiohttp.ClientResponse) -> str:
    """The first characters of an answer, on one line. Its status counts, even if it breaks."""
    data = b""
    try:
        while len(data) < MAX_ANSWER and (chunk := await response.content.readany()):
            data += chunk
    except (aiohttp.ClientError, OSError):
        response.close()
    if not response.content.at_eof():
        response.close()
    text = data[: MAX_SHOWN * 4].decode(errors="replace")
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 1]}…"


def _redirect(url: URL, location: str, answer: str) -> URL:
    """Where a redirect leads. Raises :class:`oscbridge.BadMessage` for another server."""
    try:
        target = url.join(URL(location)).with_user(None)
        same = target.origin() == url.origin()
    except ValueError:
        same = False
    if not location or not same:
        shown = location[:MAX_SHOWN] or "nowhere"
        raise oscbridge.BadMessage(
            f"{answer}: it redirects to {shown!r}; only redirects to the same scheme, host and "
            "port are followed, so change url"
        )
    return target


def _seconds(retry_after: str | None) -> float | None:
    """The seconds that a ``Retry-After`` means: a number or a date (RFC 9110, section 10.2.3)."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return (date - datetime.now(UTC)).total_seconds()
