"""The access control of one front: which client has which rights."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Final

from oscbridge.access.grant import OPEN_ACCESS, AccessDenied, AccessGrant
from oscbridge.access.requests import TOKEN_IN_URL, bearer_token, has_token_in_query
from oscbridge.access.token import AccessToken, digest_of
from oscbridge.access.token_failures import TokenFailures

__all__ = ["AccessControl"]

_MISSING: Final = AccessDenied(HTTPStatus.UNAUTHORIZED, "a token is required")
_REQUIRED: Final = AccessDenied(HTTPStatus.UNAUTHORIZED, "a token is now required")
_REMOVED: Final = AccessDenied(HTTPStatus.FORBIDDEN, "this token is no longer valid")
_REDUCED: Final = AccessDenied(
    HTTPStatus.FORBIDDEN, "this token has fewer rights now; connect again", retry_after=1
)


class AccessControl:
    """The tokens that are valid at one front, and the decision about each client of it.

    Wrong tokens are counted by the network that they come from, for all fronts together: each
    delays the answer to the next one. A right token is accepted whatever came from its network
    before: behind a proxy or a router one old tab would lock out everybody else.

    On the event loop.
    """

    def __init__(
        self,
        front: str,
        failures: TokenFailures | None = None,
        report: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """``front``: the name of the endpoint, or ``http``. ``report`` is called with a line about
        each client that is refused; it counts and logs it."""
        self._front = front
        self._failures = TokenFailures() if failures is None else failures
        self._report = report
        self._tokens: tuple[AccessToken, ...] = ()
        self._is_closing = False
        """Whether it will be closed, and asks for tokens until then."""

    def set_tokens(self, tokens: Iterable[AccessToken]) -> bool:
        """Use other tokens from now on, those of them that are valid here.

        Returns whether that is a change: then every grant must be renewed (:meth:`renew`).
        """
        before = self._tokens
        self._tokens = tuple(each for each in tokens if each.is_valid_at(self._front))
        return self._tokens != before

    def restrict(self, tokens: Iterable[AccessToken]) -> bool:
        """Use no tokens but those that are in use and among ``tokens``. Returns as the above.

        For a front that is about to close: it does not become open when its last token is gone.
        """
        self._is_closing = self.required
        known = {token.digest for token in self._tokens}
        return self.set_tokens([token for token in tokens if token.digest in known])

    @property
    def required(self) -> bool:
        """Whether a client needs a token: if any is valid here."""
        return bool(self._tokens) or self._is_closing

    def check(self, token: str, network: str, client: str = "") -> AccessGrant | AccessDenied:
        """The access that a token gives. A wrong one is counted and reported.

        ``network`` is what the client's address counts for (:func:`oscbridge.network_of`);
        ``client`` says where it comes from, for the log; by default the network. Before a denial
        is sent, :meth:`delay` must be awaited.
        """
        if not self.required:
            return OPEN_ACCESS
        grant = self._find(digest_of(token))
        if grant is not None:
            return grant
        blocked = self._failures.blocked_for(network)
        delay = self._failures.add(network)
        self._report(f"a client from {client or network}: wrong token")
        if not blocked:
            return AccessDenied(HTTPStatus.UNAUTHORIZED, "wrong token", delay)
        seconds = math.ceil(blocked)
        text = f"too many wrong tokens; retry in {seconds} s"
        return AccessDenied(HTTPStatus.TOO_MANY_REQUESTS, text, delay, retry_after=seconds)

    def check_request(
        self,
        authorization: Sequence[bytes],
        query: Iterable[str],
        network: str,
        client: str = "",
    ) -> AccessGrant | AccessDenied:
        """The access of an HTTP request, by its token.

        ``authorization`` are the values of its headers ``Authorization``, ``query`` the names of
        its parameters; ``network`` and ``client`` as for :meth:`check`. Before a denial is sent,
        :meth:`delay` must be awaited.
        """
        if not self.required:
            return OPEN_ACCESS
        if (denied := self.token_in_url(query, client or network)) is not None:
            return denied
        token = bearer_token(authorization)
        return _MISSING if token is None else self.check(token, network, client)

    def token_in_url(self, query: Iterable[str], client: str) -> AccessDenied | None:
        """The denial of a request if one of its parameters is that of a token; reported."""
        if not has_token_in_query(query):
            return None
        self._report(f"a client from {client}: token in the URL")
        return TOKEN_IN_URL

    async def delay(
        self,
        denied: AccessDenied,
        network: str,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Wait before a denial is answered: longer with each wrong token of the network.

        ``sleep`` may return early if the client disconnects.
        """
        if denied.delay:
            with self._failures.delaying(network) as delayed:
                if delayed:
                    await sleep(denied.delay)

    def renew(self, grant: AccessGrant) -> AccessGrant | AccessDenied:
        """The current access of a connected client, after a reload.

        It is a denial if its token is gone or has lost a right: then its connection must be
        closed. Other clients stay, with their new rights.
        """
        if not self.required:
            return OPEN_ACCESS
        if grant.token is None:
            return _REQUIRED
        found = self._find(grant.token.digest)
        if found is None:
            return _REMOVED
        return found if found.rights.rights >= grant.rights.rights else _REDUCED

    def _find(self, digest: bytes) -> AccessGrant | None:
        """What a token grants, or None if it is wrong.

        It is always compared with all tokens, so the time taken reveals nothing about them.
        """
        found = None
        for token in self._tokens:
            if token.has(digest):
                found = token
        return None if found is None else AccessGrant(found, found.rights)
