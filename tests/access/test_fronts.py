"""Attacks on every front: guesses, tokens in URLs, strangers' pages, and what must not be shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fronts import FRONTS, Answer, Front
from stopwatch import Stopwatch

from oscbridge.access import token_failures
from oscbridge.access.token_failures import BLOCK_TIME, FIRST_DELAY, MAX_DELAY, MAX_FAILURES

RIGHT = "right-and-secret"
GOOD_ADDRESS = "127.0.0.2"
"""An address of this machine that no guess comes from."""

MAX_WAIT = 0.5
"""Seconds in which a right token must be accepted, whatever else happens."""

Tokens = Callable[..., str]


@pytest.fixture(params=FRONTS.values(), ids=FRONTS.keys())
def front(request: pytest.FixtureRequest) -> Front:
    found: Front = request.param
    return found


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    """Makes TOML of tokens: ``NAME="keys"``; the secret is ``NAME-and-secret``."""

    def make(**each: str) -> str:
        text = ""
        for name, keys in each.items():
            file = tmp_path / f"{name}.token"
            file.write_text(f"{name}-and-secret\n")
            text += f'\n[[token]]\nname = "{name}"\nsecret = {{ file = "{file}" }}\n{keys}\n'
        return text

    return make


@pytest.fixture
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_failures, "FIRST_DELAY", 0.0)


# --- guesses -----------------------------------------------------------------------------------


async def test_answers_to_wrong_tokens_are_delayed_more_and_more(
    front: Front, tokens: Tokens
) -> None:
    async with front.run(tokens(right="")) as running:
        took = []
        for guess in range(4):
            started = time.monotonic()
            assert (await front.attempt(running.port, f"guess-{guess}")).status == 401
            took.append(time.monotonic() - started)
        for index, seconds in enumerate(took):
            assert seconds > 0.99 * FIRST_DELAY * 2**index
        assert running.refusals == 4


def test_longest_delay_is_shorter_than_the_handshake_timeout(front: Front) -> None:
    assert front.handshake_timeout > MAX_DELAY


@pytest.mark.usefixtures("no_delay")
async def test_right_token_is_accepted_whatever_came_from_its_address_before(
    front: Front, tokens: Tokens
) -> None:
    async with front.run(tokens(right="")) as running:
        for guess in range(MAX_FAILURES):
            assert (await front.attempt(running.port, f"guess-{guess}")).status == 401
        answer = await front.attempt(running.port, "guess")
        assert answer.status == 429
        assert 0 < answer.retry_after <= BLOCK_TIME
        assert (await front.attempt(running.port, RIGHT)).status == 200
        assert (await front.attempt(running.port, "guess")).status == 429


@pytest.mark.parametrize(
    "guess", ["", " ", "Right-and-secret", f"{RIGHT}x", RIGHT[:-1], "ü", "x" * 4_000]
)
@pytest.mark.usefixtures("no_delay")
async def test_what_is_nearly_the_token_is_wrong(front: Front, tokens: Tokens, guess: str) -> None:
    async with front.run(tokens(right="")) as running:
        try:
            answer = await front.attempt(running.port, guess)
        except UnicodeEncodeError:
            pytest.fail("the client cannot send this")
        assert answer.status == 401
        assert (await front.attempt(running.port, RIGHT)).status == 200


async def test_waiting_for_the_answers_to_wrong_tokens_takes_up_few_connections(
    front: Front, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_failures, "MAX_DELAY", 0.5)
    async with front.run(tokens(right=""), front.few_connections) as running:
        for _ in range(5):
            guesses = [front.attempt(running.port, "guess") for _ in range(30)]
            answers = await asyncio.gather(*guesses)
            assert {answer.status for answer in answers} <= {401, 429}
            assert (await front.attempt(running.port, RIGHT)).status == 200


async def test_guessing_on_many_connections_is_blocked_as_well(
    front: Front, tokens: Tokens
) -> None:
    async with front.run(tokens(right="")) as running:
        answers = await asyncio.gather(
            *(front.attempt(running.port, f"guess-{index}") for index in range(30))
        )
        statuses = [answer.status for answer in answers]
        assert statuses.count(401) == MAX_FAILURES
        assert statuses.count(429) == 30 - MAX_FAILURES


async def test_right_tokens_are_accepted_immediately_while_somebody_guesses(
    front: Front, tokens: Tokens
) -> None:
    async with front.run(tokens(right="")) as running:
        guessing = [
            asyncio.create_task(front.attempt(running.port, f"guess-{index}")) for index in range(5)
        ]
        while not running.refusals:
            await asyncio.sleep(0)
        for source in (GOOD_ADDRESS, "127.0.0.1"):
            stopwatch = Stopwatch()
            assert (await front.attempt(running.port, RIGHT, source=source)).status == 200
            assert stopwatch.seconds < MAX_WAIT
        assert not all(task.done() for task in guessing)
        assert {answer.status for answer in await asyncio.gather(*guessing)} == {401}


async def test_guesses_from_one_address_do_not_delay_another(front: Front, tokens: Tokens) -> None:
    async with front.run(tokens(right="")) as running:
        for guess in range(4):
            await front.attempt(running.port, f"guess-{guess}")
        stopwatch = Stopwatch()
        assert (await front.attempt(running.port, "typo", source=GOOD_ADDRESS)).status == 401
        assert stopwatch.seconds < MAX_WAIT


# --- where a token is valid --------------------------------------------------------------------


async def test_token_for_another_front_is_wrong(front: Front, tokens: Tokens) -> None:
    other = "web" if front.name == "http" else "http"
    here, there = f'endpoints = ["{front.name}"]', f'endpoints = ["{other}"]'
    table = "" if other == "web" else '\n[http]\nlisten = "127.0.0.1:0"\n'
    text = tokens(right=here, other=there)
    if other == "web":
        table = '\n[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:0"\n'
    async with front.run(text + table) as running:
        assert (await front.attempt(running.port, "other-and-secret")).status == 401
        assert (await front.attempt(running.port, RIGHT)).status == 200


async def test_front_without_a_valid_token_is_open(front: Front, tokens: Tokens) -> None:
    async with front.run("") as running:
        assert (await front.attempt(running.port, None)).status == 200
        assert (await front.attempt(running.port, "anything")).status == 200
        assert running.refusals == 0


async def test_reload_applies_changed_tokens(front: Front, tokens: Tokens) -> None:
    async with front.run(tokens(right="")) as running:
        await running.reload(tokens(other=""))
        assert (await front.attempt(running.port, RIGHT)).status == 401
        assert (await front.attempt(running.port, "other-and-secret")).status == 200
        await running.reload("")
        assert (await front.attempt(running.port, None)).status == 200


@pytest.mark.usefixtures("no_delay")
async def test_reload_does_not_forget_wrong_tokens(front: Front, tokens: Tokens) -> None:
    async with front.run(tokens(right="")) as running:
        for guess in range(MAX_FAILURES):
            await front.attempt(running.port, f"guess-{guess}")
        await running.reload(tokens(right="", other=""))
        assert (await front.attempt(running.port, "guess")).status == 429


# --- secrets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        f"token={RIGHT}",
        f"snapshot=1&access_token={RIGHT}",
        "token=",
        f"TOKEN={RIGHT}",
        f"token[]={RIGHT}",
        f"%20token.={RIGHT}",
        f"x-api-key={RIGHT}",
        f"Access_Token={RIGHT}",
        f"auth={RIGHT}",
        f"%74oken={RIGHT}",
    ],
)
async def test_token_in_the_url_is_rejected_and_not_logged(
    front: Front, tokens: Tokens, query: str
) -> None:
    async with front.run(tokens(right="")) as running:
        assert (await front.attempt(running.port, RIGHT, query=query)).status == 400
        assert (await front.attempt(running.port, None, query=query)).status == 400
        assert RIGHT not in "\n".join(running.log)
        assert running.refusals == 2


async def test_secrets_are_not_shown_anywhere(
    front: Front, tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="oscbridge")
    answers: list[Answer] = []
    async with front.run(tokens(right="", other="")) as running:
        answers.append(await front.attempt(running.port, RIGHT))
        answers.append(await front.attempt(running.port, "guess-and-secret"))
        await running.reload(tokens(right="", third=""))
        answers.append(await front.attempt(running.port, "other-and-secret"))
        seen = [caplog.text, *running.log, running.shown(), *(each.text for each in answers)]
    assert [answer.status for answer in answers] == [200, 401, 401]
    assert "and-secret" not in "\n".join(seen)


# --- pages of others ---------------------------------------------------------------------------


@pytest.mark.parametrize("token", [RIGHT, None])
async def test_page_of_another_site_is_refused(
    front: Front, tokens: Tokens, token: str | None
) -> None:
    async with front.run(tokens(right="")) as running:
        page = {"Origin": "https://stranger.example.org"}
        assert (await front.attempt(running.port, token, headers=page)).status == 403
        assert running.refusals == 1
