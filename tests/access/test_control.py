"""The access control of a front: HTTP requests, reloads, and networks that guess."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from oscbridge.access.control import AccessControl
from oscbridge.access.grant import OPEN_ACCESS, AccessDenied, AccessGrant
from oscbridge.access.requests import bearer_token
from oscbridge.access.rights import AccessRights, Right
from oscbridge.access.token import AccessToken, digest_of
from oscbridge.access.token_failures import MAX_DELAYED, MAX_FAILURES, TokenFailures

HOME = "192.0.2.1"


def token(
    name: str = "one",
    rights: tuple[Right, ...] = ("listen", "send"),
    *fronts: str,
    secret: str = "",
    addresses: tuple[str, ...] = ("*",),
) -> AccessToken:
    digest = digest_of(secret or f"{name}-and-secret")
    return AccessToken(name, digest, AccessRights.of(rights, addresses), frozenset(fronts) or None)


def control(*tokens: AccessToken) -> AccessControl:
    found = AccessControl("web")
    found.set_tokens(tokens)
    return found


def bearer(secret: str) -> list[bytes]:
    return [f"Bearer {secret}".encode()]


def denied(result: AccessGrant | AccessDenied) -> AccessDenied:
    assert isinstance(result, AccessDenied)
    return result


# --- one client --------------------------------------------------------------------------------


def test_front_without_tokens_gives_everybody_access_but_not_to_the_configuration() -> None:
    access = control()
    assert not access.required
    for result in (
        access.check("anything", HOME),
        access.check_request(bearer("anything"), ["token"], HOME),
        access.check_request([], [], HOME),
    ):
        assert result is OPEN_ACCESS
    assert OPEN_ACCESS.without("listen") is OPEN_ACCESS.without("send") is None
    refusal = OPEN_ACCESS.without("configure")
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (
        HTTPStatus.FORBIDDEN,
        "this requires a token with the right 'configure'",
    )


def test_token_gives_its_rights() -> None:
    access = control(token(), token("admin", ("configure",)))
    result = access.check_request(bearer("admin-and-secret"), [], HOME)
    assert isinstance(result, AccessGrant)
    assert result.rights.configures
    assert result.without("configure") is None
    refusal = result.without("send")
    assert refusal is not None
    assert refusal.reason == "this requires the right 'send', which this token does not have"


def test_token_of_another_front_is_unknown() -> None:
    access = control(token("one", ("listen",), "web"), token("two", ("listen",), "http"))
    assert isinstance(access.check("one-and-secret", HOME), AccessGrant)
    assert denied(access.check("two-and-secret", HOME)).status == 401


def test_missing_token_is_neither_counted_nor_delayed() -> None:
    lines: list[str] = []
    failures = TokenFailures()
    access = AccessControl("web", failures, lines.append)
    access.set_tokens([token()])
    result = denied(access.check_request([b"Basic eDp5"], ["a"], HOME))
    assert (result.status, result.delay, len(failures), lines) == (401, 0, 0, [])
    assert result.headers == {"WWW-Authenticate": 'Bearer realm="oscbridge"'}


@pytest.mark.parametrize("name", ["token", "Access_Token", "AUTH", "authorization"])
def test_token_in_the_query_is_denied_even_with_a_right_one(name: str) -> None:
    lines: list[str] = []
    access = AccessControl("web", None, lines.append)
    access.set_tokens([token()])
    result = denied(access.check_request(bearer("one-and-secret"), ["a", name], HOME, "somebody"))
    assert (result.status, result.headers) == (400, {})
    assert lines == ["a client from somebody: token in the URL"]


def test_network_that_guesses_is_asked_to_wait() -> None:
    lines: list[str] = []
    access = AccessControl("web", None, lines.append)
    access.set_tokens([token()])
    for _ in range(MAX_FAILURES):
        assert denied(access.check("guess", HOME)).status == 401
    result = denied(access.check("guess", HOME))
    assert (result.status, result.headers) == (429, {"Retry-After": "60"})
    assert isinstance(access.check("one-and-secret", HOME), AccessGrant)
    assert denied(access.check("guess", "192.0.2.2")).status == 401
    assert set(lines) == {f"a client from {each}: wrong token" for each in (HOME, "192.0.2.2")}


def test_fronts_that_share_failures_count_guesses_together() -> None:
    failures = TokenFailures()
    web, http = AccessControl("web", failures), AccessControl("http", failures)
    for access in (web, http):
        access.set_tokens([token()])
    for _ in range(MAX_FAILURES):
        web.check("guess", HOME)
    assert denied(http.check("guess", HOME)).status == 429


async def test_delay_is_that_of_the_denial_for_a_limited_number_of_answers() -> None:
    access = control(token())
    slept: list[float] = []
    waiting = 0

    async def sleep(seconds: float) -> None:
        nonlocal waiting
        slept.append(seconds)
        waiting += 1
        if waiting <= MAX_DELAYED:  # another answer is sent while this one waits
            await access.delay(denied(access.check("guess", HOME)), HOME, sleep)

    await access.delay(denied(access.check_request([], [], HOME)), HOME, sleep)
    assert slept == []
    await access.delay(denied(access.check("guess", HOME)), HOME, sleep)
    assert len(slept) == MAX_DELAYED
    assert slept[:3] == pytest.approx([0.1, 0.2, 0.4])


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], None),
        ([b"Basic abc"], None),
        ([b"Bearer abc"], "abc"),
        ([b"bearer  abc "], "abc"),
        ([b"Bearer"], ""),
        ([b"Bearer \xc3\xbc"], "ü"),
        ([b"Bearer \xff"], "\ufffd"),
        ([b"Basic abc", b"BEARER one", b"Bearer two"], "one"),
    ],
)
def test_bearer_token_is_read_from_the_header(values: list[bytes], found: str | None) -> None:
    assert bearer_token(values) == found


# --- reloads -----------------------------------------------------------------------------------


def test_set_tokens_tells_whether_those_of_this_front_have_changed() -> None:
    access = control(token())
    assert not access.set_tokens([token(), token("two", ("listen",), "http")])
    assert access.set_tokens([token(rights=("listen",))])
    assert access.set_tokens([token(rights=("listen",), addresses=("/a",))])
    assert access.set_tokens([])


@pytest.mark.parametrize(
    ("new", "status", "reason"),
    [
        ([token("two")], 403, "this token is no longer valid"),
        ([token(secret="changed")], 403, "this token is no longer valid"),
        ([token("one", ("listen", "send"), "http"), token("two")], 403, "no longer valid"),
        ([token(rights=("listen",))], 403, "this token has fewer rights now; connect again"),
        ([token(rights=("listen", "configure"))], 403, "fewer rights"),
    ],
)
def test_grant_is_not_renewed_without_its_token_or_a_right(
    new: list[AccessToken], status: int, reason: str
) -> None:
    access = control(token())
    grant = access.check("one-and-secret", HOME)
    assert isinstance(grant, AccessGrant)
    access.set_tokens(new)
    result = denied(access.renew(grant))
    assert result.status == status
    assert reason in result.reason


@pytest.mark.parametrize(
    "new",
    [
        token(),
        token("other name", secret="one-and-secret"),
        token(rights=("listen", "send", "configure")),
        token(addresses=("/mixer/*",)),
    ],
)
def test_grant_is_renewed_with_current_rights(new: AccessToken) -> None:
    access = control(token())
    grant = access.check("one-and-secret", HOME)
    assert isinstance(grant, AccessGrant)
    access.set_tokens([token("another"), new])
    assert access.renew(grant) == AccessGrant(new, new.rights)


def test_clients_without_a_token_need_one_as_soon_as_one_is_valid() -> None:
    access = control()
    access.set_tokens([token()])
    result = denied(access.renew(OPEN_ACCESS))
    assert (result.status, result.reason) == (401, "a token is now required")


def test_everybody_stays_when_no_token_is_valid_any_more() -> None:
    access = control(token("admin", ("listen", "configure")))
    grant = access.check("admin-and-secret", HOME)
    assert isinstance(grant, AccessGrant)
    access.set_tokens([])
    assert access.renew(grant) is OPEN_ACCESS


def test_front_that_closes_keeps_only_tokens_that_stay_and_never_opens() -> None:
    access = control(token(), token("two"))
    grant = access.check("two-and-secret", HOME)
    assert isinstance(grant, AccessGrant)
    assert access.restrict([token(), token("three")])
    assert isinstance(access.check("one-and-secret", HOME), AccessGrant)
    assert denied(access.check("three-and-secret", HOME)).status == 401
    assert denied(access.renew(grant)).reason == "this token is no longer valid"
    assert access.restrict([])
    assert access.required
    assert denied(access.check_request([], [], HOME)).status == 401


def test_open_front_that_closes_stays_open() -> None:
    access = control()
    assert not access.restrict([token()])
    assert access.check_request([], [], HOME) is OPEN_ACCESS


@pytest.mark.parametrize("secret", ["one-and-secret", "three-and-secret", "guess"])
def test_every_token_is_compared_whichever_is_right(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    has = AccessToken.has

    def count(self: AccessToken, digest: bytes) -> bool:
        compared.append(self.name)
        return has(self, digest)

    monkeypatch.setattr(AccessToken, "has", count)
    control(token(), token("two"), token("three")).check(secret, HOME)
    assert compared == ["one", "two", "three"]
