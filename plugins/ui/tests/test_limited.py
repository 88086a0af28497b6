"""Tokens that are limited by ``addresses`` or ``endpoints``: a page sees only those."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from control_room import CONFIGURATION, ControlRoomPage, ControlRoomProgram, connected
from ports import free_port

from oscbridge import Message, encode_message
from oscbridge_ui.client_messages import ClientMessage, Hello, MessagePart
from oscbridge_ui.surface.messages import EditSurface

SECRETS = {"BAND": "band-secret-12", "WALL": "wall-secret-12", "CREW": "crew-secret-12"}
EVERYTHING = '["listen", "send", "configure"]'
TOKENS = f"""
[[token]]
name      = "band"
secret    = {{ env = "BAND" }}
rights    = {EVERYTHING}
addresses = ["/band/*", "/1/*"]

[[token]]
name      = "wall"
secret    = {{ env = "WALL" }}
rights    = {EVERYTHING}
endpoints = ["http", "web"]

[[token]]
name      = "crew"
secret    = {{ env = "CREW" }}
rights    = {EVERYTHING}
endpoints = ["http"]
"""


def configuration() -> str:
    """Two endpoints, of which a limited token may see one, and a variable."""
    return f"""{CONFIGURATION}
[endpoint.vault]
type     = "osc"
to       = "tcp://127.0.0.1:{free_port()}"
on_start = "retry"

[[route]]
name  = "vaulted"
from  = "stage"
match = "/vault/*"
to    = "vault"

[variables]
vault_code = 4711
{TOKENS}"""


@pytest.fixture
def program(start: Callable[..., Any]) -> Any:
    with start(configuration(), env=SECRETS) as process:
        yield ControlRoomProgram(process)


async def watch_all(page: ControlRoomPage) -> None:
    """Ask for everything that there is, by name too."""
    await page.send(type="watch_now", part="route.vaulted")
    await page.send(type="watch_now", part="endpoint.vault")
    await page.send(type="watch_log")
    await page.send(type="watch_routes")
    chosen = ["/vault/1", "/nowhere/1", "/1/fader1"]
    await page.send(type="watch_values", chosen=chosen, open=["", "/1"])


async def frames_until(page: ControlRoomPage, is_last: Callable[[dict[str, Any]], bool]) -> str:
    """All that the server sends up to a message, as text."""
    found = ""
    while True:
        frame = await page.socket.recv()
        assert isinstance(frame, str)
        found += frame
        if is_last(json.loads(frame)):
            return found


def has_row(address: str) -> Callable[[dict[str, Any]], bool]:
    def check(message: dict[str, Any]) -> bool:
        return any(each["address"] == address for each in message.get("rows", ()))

    return check


def messages_in(frames: str) -> Iterator[dict[str, Any]]:
    """All messages that a server has sent."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(frames):
        message, position = decoder.raw_decode(frames, position)
        yield message


def rows_of(frames: str, address: str) -> list[dict[str, Any]]:
    """The rows of an address in all that a server has sent."""
    rows = [row for each in messages_in(frames) for row in each.get("rows", ())]
    return [row for row in rows if row["address"] == address]


@pytest.mark.parametrize(
    ("token", "hidden"),
    [
        ("BAND", ["/vault", "/nowhere", "vaulted", "faders", "vault_code", "4711", "test.toml"]),
        ("WALL", ["vault", "stage", "/nowhere", "faders", "4711", "test.toml"]),
    ],
)
async def test_nothing_that_the_server_sends_shows_more(
    program: ControlRoomProgram, token: str, hidden: list[str]
) -> None:
    async with connected(program.port, SECRETS[token]) as page:
        await watch_all(page)
        found = await frames_until(page, lambda each: each["type"] == "values")
        for address in ("/vault/1", "/nowhere/1"):
            program.send(encode_message(Message.of(address, 4711)))
        sent = "/1/fader1" if token == "BAND" else "/ch/1/level"
        program.send(encode_message(Message.of("/1/fader1", 0.5)))
        found += await frames_until(page, has_row(sent))
        for query in ("vault", "4711", "stage", "nowhere"):
            await page.send(type="watch_values", query=query, source="stage", count=100)
        for command in (
            {"type": "mute", "routes": ["vaulte"], "on": True},
            {"type": "set", "name": "vault_cod", "value": 1},
            {"type": "reload"},
            {"type": "send", "name": "vaul", "address": "/x", "types": "", "args": []},
        ):
            await page.send(id=1, **command)
            found += await frames_until(page, lambda each: each["type"] == "answer")
        await page.next("pulse")
        found += await frames_until(page, lambda each: each["type"] == "pulse")
    for text in hidden:
        assert text not in found, found[max(found.index(text) - 300, 0) :][:600]


SAMPLES: dict[str, Any] = {
    **{"id": 1, "index": 0, "to": 1, "number": 1, "offset": 0, "size": 4, "share": 0.5, "value": 1},
    **{"routes": ["vaulte"], "on": True, "types": "", "data": "AAAA", "role": "source"},
    **{"edits": [{"kind": "remove", "path": ["route", 0]}], "topic": "learning"},
    **{"name": "vaul", "part": "vaul", "address": "/vaul/1", "key": "vaul /vaul/1"},
}
"""Values for the fields of messages. Hidden names are not among them."""


def requests() -> list[dict[str, Any]]:
    """One message of each type, but for those that begin a connection or are parts."""
    (union, _) = get_args(ClientMessage)
    models = [each for each in get_args(union) if each not in (Hello, MessagePart)]
    found = []
    for model in models:
        needed = [name for name, field in model.model_fields.items() if field.is_required()]
        request = {name: SAMPLES.get(name, "vaul") for name in needed}
        request["type"] = get_args(model.model_fields["type"].annotation)[0]
        if model is EditSurface:
            request["edits"] = '[{"op": "remove_page", "page": "main"}]'
        model.model_validate(request)
        found.append(request)
    return found


@pytest.mark.parametrize(
    ("token", "hidden"),
    [
        ("BAND", ["/vault", "vaulted", "faders", "4711", "test.toml"]),
        ("WALL", ["vault", "stage", "faders", "4711", "test.toml"]),
    ],
)
async def test_no_message_of_the_protocol_shows_or_changes_more(
    program: ControlRoomProgram, token: str, hidden: list[str], tmp_path: Path
) -> None:
    before = (tmp_path / "test.toml").read_text()
    async with connected(program.port, SECRETS[token]) as page:
        await page.next("welcome")
        commands = 0
        for request in requests():
            await page.send(**request)
            commands += "id" in request
        found = ""
        for _ in range(3):
            found += await frames_until(page, lambda each: each["type"] == "pulse")
    answers = [each for each in messages_in(found) if "error" in each]
    assert len(answers) == commands > 20
    assert all(each["error"] for each in answers)
    topics = {each["type"] for each in messages_in(found) if "id" not in each}
    assert topics == {"pulse", "now", "values", "surface", "refused"}
    for text in hidden:
        assert text not in found, found[max(found.index(text) - 300, 0) :][:600]
    assert (tmp_path / "test.toml").read_text() == before
    assert not list(tmp_path.rglob("*.oscrec"))


async def test_token_limited_by_addresses_sees_bridges_and_endpoints_without_details(
    program: ControlRoomProgram,
) -> None:
    async with connected(program.port, SECRETS["BAND"]) as page:
        welcome = await page.next("welcome")
        assert "log" not in welcome["views"]
        assert (welcome["process"]["configuration"], welcome["process"]["addresses"]) == ("", [])
        await page.send(type="watch_now")
        state = await page.next("now")
        names = ["bridge.stage", "endpoint.web", "endpoint.vault"]
        assert state["order"] == names
        assert [each["id"] for each in state["parts"]] == names
        assert (state["variables"], state["totals"]) == (None, None)
        while not (problems := state["problems"]):
            state = await page.next("now")
        assert problems[0]["title"] == "vault is not connected"
        assert (problems[0]["text"], problems[0]["code"], problems[0]["action"]) == ("", "", "")


async def test_token_limited_by_endpoints_sees_those(program: ControlRoomProgram) -> None:
    async with connected(program.port, SECRETS["WALL"]) as page:
        assert "log" not in (await page.next("welcome"))["views"]
        await page.send(type="watch_now", part="endpoint.web")
        state = await page.next("now")
        assert state["order"] == ["endpoint.web"]
        await page.send(type="watch_values")
        program.send(encode_message(Message.of("/1/fader1", 0.5)))
        program.send(encode_message(Message.of("/vault/1", 0.5)))
        values = await page.next("values")
        while not values["rows"]:
            values = await page.next("values")
        (row,) = values["rows"]
        assert (row["address"], row["sources"], row["sinks"]) == ("/ch/1/level", [], ["web"])
        pulse = await page.next("pulse")
        while not pulse["sent"]:
            pulse = await page.next("pulse")
        assert (pulse["received"], pulse["bad"], pulse["addresses"]) == (0, 0, 0)


@pytest.mark.parametrize("token", ["BAND", "WALL"])
async def test_limited_token_may_not_watch_the_log_nor_change_the_bridge(
    program: ControlRoomProgram, token: str
) -> None:
    async with connected(program.port, SECRETS[token]) as page:
        await page.send(type="watch_log")
        refused = await page.next("refused")
        assert (refused["topic"], "limited" in refused["reason"]) == ("log", True)
        await page.send(type="watch_routes")
        assert (await page.next("refused"))["topic"] == "routes"
        for command in (
            {"type": "mute", "routes": ["faders"], "on": True},
            {"type": "set", "name": "vault_code", "value": 1},
            {"type": "reload"},
        ):
            assert "limited" in (await page.command(**command))["error"]


async def test_limited_token_sends_what_it_may(program: ControlRoomProgram) -> None:
    message = {"type": "send", "types": "i", "args": [1]}
    async with connected(program.port, SECRETS["BAND"]) as page:
        to = {**message, "name": "stage", "received": True}
        assert (await page.command(address="/1/fader1", **to))["error"] == ""
        assert "may not send to /ch" in (await page.command(address="/ch", **to))["error"]
    async with connected(program.port, SECRETS["WALL"]) as page:
        assert (await page.command(address="/any", name="web", **message))["error"] == ""
        answer = await page.command(address="/any", name="vault", **message)
        assert answer["error"] == "this token is not valid for vault"


FILTERED = """
[[route]]
from  = "stage"
match = "/same"
when  = "x < 100"
send  = "/same {= x * 2}"
to    = "web"
"""


async def test_value_is_that_of_the_endpoints_of_the_token(start: Callable[..., Any]) -> None:
    """Not that of the same address elsewhere, of which a route may pass little."""
    with start(configuration() + FILTERED, env=SECRETS) as process:
        program = ControlRoomProgram(process)
        async with connected(program.port, SECRETS["CREW"]) as page:
            await page.send(type="watch_values")
            async with connected(program.port, SECRETS["WALL"]) as limited:
                await limited.send(type="watch_values", chosen=["/same"])
                found = await frames_until(limited, lambda each: each["type"] == "values")
                for value in (4711, 3, 4712):
                    program.send(encode_message(Message.of("/same", value)))
                found += await frames_until(limited, has_row("/same"))
                for _ in range(2):
                    found += await frames_until(limited, lambda each: each["type"] == "pulse")
            rows = rows_of(found, "/same")
            assert [each["args"] for each in rows] == [[6]]
            assert (rows[0]["count"], rows[0]["received"], rows[0]["sources"]) == (1, False, [])
            values = await page.next("values")
            while not (rows := values["rows"]) or rows[0]["args"] != [4712]:
                values = await page.next("values")
            assert (rows[0]["count"], rows[0]["sources"]) == (3, ["stage"])


async def test_token_for_the_control_room_alone_sees_everything(
    program: ControlRoomProgram,
) -> None:
    async with connected(program.port, SECRETS["CREW"]) as page:
        assert "log" in (await page.next("welcome"))["views"]
        await page.send(type="watch_now", part="route.vaulted")
        state = await page.next("now")
        assert "route.vaulted" in state["order"]
        assert state["variables"] == {"vault_code": 4711}


async def test_reload_that_limits_a_token_hides_the_rest(
    program: ControlRoomProgram, tmp_path: Any
) -> None:
    async with connected(program.port, SECRETS["CREW"]) as page:
        await page.send(type="watch_now")
        await page.send(type="watch_log")
        await page.next("log")
        await page.send(type="watch_values")
        program.send(encode_message(Message.of("/1/fader1", 0.5)))
        while (await page.next("values"))["total"] < 2:
            pass
        file = tmp_path / "test.toml"
        text = file.read_text().replace('endpoints = ["http"]', 'endpoints = ["http", "web"]')
        await asyncio.to_thread(file.write_text, text)
        program.process.process.send_signal(1)  # SIGHUP
        welcome = await page.next("welcome")
        while "log" in welcome["views"]:
            welcome = await page.next("welcome")
        state = await page.next("now")
        while not state["full"]:
            state = await page.next("now")
        assert [each["id"] for each in state["parts"]] == ["endpoint.web"]
        await page.send(type="watch_values", query="fader")
        while (values := await page.next("values"))["total"] != 1:
            pass
        assert values["found"] == 0
