"""The WebSocket of the control room: access, topics, commands, and clients that misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from control_room import CONFIGURATION, SUBPROTOCOL, ControlRoomPage, ControlRoomProgram, connected
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from oscbridge import Message, encode_message
from oscbridge_ui.greeting import MAX_PAGES
from oscbridge_ui.typescript import FOLDER, typescript

TOKENS = """
[[token]]
name   = "viewer"
secret = { env = "VIEWER" }
rights = ["listen"]

[[token]]
name      = "band"
secret    = { env = "BAND" }
rights    = ["listen", "send"]
addresses = ["/band/*"]
"""
JSON: list[Any] = ["osc.json"]
SECRETS = {"VIEWER": "viewer-secret-1", "BAND": "band-secret-12"}


def test_types_of_the_page_are_those_of_the_models() -> None:
    found = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert found == typescript(), "run: python -m oscbridge_ui.typescript"


# --- access -----------------------------------------------------------------------------------


async def test_local_page_has_all_rights_without_tokens(program: ControlRoomProgram) -> None:
    async with connected(program.port) as page:
        welcome = await page.next("welcome")
        assert welcome["rights"] == ["listen", "send", "configure"]
        assert welcome["process"]["pid"] == program.process.process.pid
        assert welcome["process"]["configuration"].endswith("test.toml")


async def test_page_of_another_site_is_refused(program: ControlRoomProgram) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connected(program.port, origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403


async def closed(page: ControlRoomPage) -> tuple[int, str]:
    """How the connection ends."""
    with pytest.raises(ConnectionClosed) as end:
        while True:
            await page.socket.recv()
    assert end.value.rcvd is not None
    return end.value.rcvd.code, end.value.rcvd.reason


@pytest.mark.parametrize("token", ["", "guess", "x" * 1_000, "viewer-secret-1 "])
async def test_wrong_token_is_denied(start: Callable[..., Any], token: str) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        async with connected(ControlRoomProgram(process).port, token) as page:
            denied = await page.next("denied")
            assert denied["token_needed"]
            assert (await closed(page))[0] == 4401


async def test_token_decides_about_commands(start: Callable[..., Any]) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        port = ControlRoomProgram(process).port
        async with connected(port, SECRETS["VIEWER"]) as page:
            assert (await page.next("welcome"))["rights"] == ["listen"]
            answer = await page.command(type="mute", routes=["faders"], on=True)
            assert "requires the right 'configure'" in answer["error"]
            answer = await page.command(type="send", name="web", address="/a", types="", args=[])
            assert "requires the right 'send'" in answer["error"]
        async with connected(port, SECRETS["BAND"]) as page:
            one = {"type": "send", "name": "web", "types": "i", "args": [1]}
            assert "may not send to /ch" in (await page.command(address="/ch", **one))["error"]
            assert (await page.command(address="/band/1", **one))["error"] == ""


async def test_values_are_those_that_the_token_may_hear(start: Callable[..., Any]) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        program = ControlRoomProgram(process)
        async with connected(program.port, SECRETS["BAND"]) as page:
            await page.send(type="watch_values", chosen=["/secret", "/band/1"])
            await page.next("values")
            program.send(encode_message(Message.of("/secret", 1)))
            program.send(encode_message(Message.of("/band/1", 2)))
            seen: set[str] = set()
            while "/band/1" not in seen:
                seen |= {row["address"] for row in (await page.next("values"))["rows"]}
            assert seen == {"/band/1"}


async def test_reload_that_removes_a_token_closes_its_page(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        async with connected(ControlRoomProgram(process).port, SECRETS["VIEWER"]) as page:
            await page.next("welcome")
            only = TOKENS[TOKENS.index("[[token]]\nname      =") :]
            (tmp_path / "test.toml").write_text(CONFIGURATION + only)
            process.process.send_signal(1)  # SIGHUP
            assert (await page.next("denied"))["reason"] == "this token is no longer valid"


async def test_reload_that_changes_the_addresses_of_a_token_changes_what_its_page_sees(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        program = ControlRoomProgram(process)
        async with connected(program.port, SECRETS["BAND"]) as page:
            await page.send(type="watch_values", chosen=["/band/1", "/crew/1"])
            await page.next("values")
            (tmp_path / "test.toml").write_text(CONFIGURATION + TOKENS.replace("/band/", "/crew/"))
            process.process.send_signal(1)  # SIGHUP
            await page.next("welcome")  # with the new access
            program.send(encode_message(Message.of("/band/1", 1)))
            program.send(encode_message(Message.of("/crew/1", 2)))
            seen: set[str] = set()
            while "/crew/1" not in seen:
                state = await page.next("values")
                seen |= {row["address"] for row in state["rows"]} | set(state["order"] or ())
            assert seen == {"/crew/1"}


async def test_page_asks_for_another_token_if_its_own_may_not_listen(
    start: Callable[..., Any],
) -> None:
    text = CONFIGURATION + TOKENS.replace('["listen"]', '["send"]')
    with start(text, env=SECRETS) as process:
        async with connected(ControlRoomProgram(process).port, SECRETS["VIEWER"]) as page:
            denied = await page.next("denied")
            assert "requires the right 'listen'" in denied["reason"]
            assert denied["token_needed"]


# --- topics -----------------------------------------------------------------------------------


async def test_now_is_a_snapshot_then_what_has_changed(program: ControlRoomProgram) -> None:
    async with connected(program.port) as page:
        await page.send(type="watch_now")
        first = await page.next("now")
        assert first["full"]
        names = ["bridge.stage", "endpoint.web", "route.faders"]
        assert first["order"] == names
        assert [each["id"] for each in first["parts"]] == names
        program.send(encode_message(Message.of("/1/fader3", 0.5)))
        while not (changed := await page.next("now"))["parts"] or not any(
            each.get("passed") for each in changed["parts"]
        ):
            assert not changed["full"]
        (route,) = [each for each in changed["parts"] if each["kind"] == "route"]
        assert (route["taken"], route["passed"]) == (1, 1)


async def test_problem_has_a_fix_in_plain_words(start: Callable[..., Any]) -> None:
    text = '[endpoint.desk]\ntype = "osc"\nto = "tcp://127.0.0.1:1"\non_start = "retry"\n'
    with start(CONFIGURATION + text) as process:
        async with connected(ControlRoomProgram(process).port) as page:
            await page.send(type="watch_now")
            (problem,) = (await page.next("now"))["problems"]
            assert (problem["level"], problem["part"]) == ("bad", "endpoint.desk")
            assert problem["title"] == "desk is not connected"
            assert "Start that program" in problem["fix"]


async def test_log_is_a_snapshot_then_new_events(program: ControlRoomProgram) -> None:
    async with connected(program.port) as page:
        await page.send(type="watch_log")
        assert (await page.next("log"))["full"]
        assert (await page.command(type="mute", routes=["faders"], on=True))["error"] == ""
        await page.send(type="watch_log", after=0)
        while not (found := (await page.next("log"))["events"]):
            pass
        assert (found[-1]["part"], found[-1]["text"]) == ("route faders", "muted")
        number = found[-1]["number"]
        await page.send(type="watch_log", after=number)  # as after a reconnect
        assert (await page.command(type="mute", routes=["faders"], on=False))["error"] == ""
        again = await page.next("log")
        assert not again["full"]
        assert [each["text"] for each in again["events"]] == ["unmuted"]


async def test_values_are_a_window_then_what_has_changed_in_it(program: ControlRoomProgram) -> None:
    async with connected(program.port) as page:
        await page.send(type="watch_values", first=0, count=2, query="/1/f")
        await page.next("values")
        for number in (10, 9, 1):
            program.send(encode_message(Message.of(f"/1/fader{number}", 0.5)))
        order: list[str] = []
        rows: dict[str, Any] = {}
        while order != ["/1/fader1", "/1/fader9"]:
            state = await page.next("values")
            order = state["order"] or order
            rows |= {row["address"]: row for row in state["rows"]}
        assert state["found"] == 3
        row = rows["/1/fader1"]
        assert (row["types"], row["args"], row["sources"]) == ("f", [0.5], ["stage"])
        program.send(encode_message(Message.of("/1/fader1", 0.75)))
        while not (rows := {r["address"]: r for r in (await page.next("values"))["rows"]}):
            pass
        assert rows["/1/fader1"]["args"] == [0.75]


# --- commands ---------------------------------------------------------------------------------


async def test_message_from_a_page_goes_through_the_routes(program: ControlRoomProgram) -> None:
    web = f"ws://127.0.0.1:{program.process.port('web')}"
    message = {"name": "stage", "received": True, "address": "/1/fader3", "types": "f"}
    async with connect(web, subprotocols=JSON) as client, connected(program.port) as page:
        answer = await page.command(type="send", args=[0.5], **message)
        assert answer["error"] == ""
        assert json.loads(await client.recv())["address"] == "/ch/3/level"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": "stag"}, "did you mean 'stage'"),
        ({"name": "stage", "received": False}, "nothing can be sent to it"),
        ({"address": "no-slash"}, "an address starts with '/'"),
        ({"types": "ff"}, "2 type tags but 1 values"),
        ({"types": "i", "args": ["x"]}, "'x' is not a value of type 'i'"),
        ({"types": "i", "args": [2**40]}, "/a: "),
        ({"args": [10**400]}, "is not a value of type 'f'"),
        ({"types": "r", "args": ["#1234567890"]}, "/a: "),
        ({"types": "t", "args": [str(2**70)]}, "/a: "),
        ({"types": "m", "args": ["90"]}, "is not a value of type 'm'"),
    ],
)
async def test_command_that_fails_says_why(
    program: ControlRoomProgram, fields: dict[str, Any], error: str
) -> None:
    known = {"name": "stage", "received": True, "address": "/a", "types": "f", "args": [0.5]}
    async with connected(program.port) as page:
        assert error in (await page.command(type="send", **{**known, **fields}))["error"]


# --- clients that misbehave -------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        "no json",
        "[]",
        '{"type":"unknown"}',
        '{"type":"watch_values","count":100000}',
        '{"type":"hello","extra":1}',
        '{"type":"hello","token":"\\ud800"}',
        "[" * 60_000,
        b"\x00",
    ],
)
async def test_invalid_message_ends_its_connection_alone(
    program: ControlRoomProgram, data: str | bytes
) -> None:
    async with connected(program.port) as page, connected(program.port) as other:
        await page.next("welcome")
        await page.socket.send(data)
        assert (await closed(page))[0] == 4400
        await other.next("pulse")


async def test_other_subprotocol_is_not_served(program: ControlRoomProgram) -> None:
    async with connect(f"ws://127.0.0.1:{program.port}/ui", subprotocols=["other"]) as socket:  # type: ignore[list-item]
        assert await closed(ControlRoomPage(socket)) == (
            4400,
            f"expected the subprotocol {SUBPROTOCOL}",
        )


async def test_silent_clients_make_no_room_scarce(program: ControlRoomProgram) -> None:
    """Connections that say nothing make room for others; health stays available."""
    async with AsyncExitStack() as stack:
        for _ in range(200):
            await stack.enter_async_context(
                connect(f"ws://127.0.0.1:{program.port}/ui", subprotocols=[SUBPROTOCOL])
            )
        async with connected(program.port) as page:
            await page.next("welcome")
        reader, writer = await asyncio.open_connection("127.0.0.1", program.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_pages_make_no_room_for_further_ones(program: ControlRoomProgram) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MAX_PAGES):
            page = await stack.enter_async_context(connected(program.port))
            await page.next("welcome")
        with pytest.raises(InvalidStatus) as refused:
            await stack.enter_async_context(connected(program.port))
        assert refused.value.response.status_code == 503
        await page.next("pulse")


async def test_text_from_the_network_stays_text(program: ControlRoomProgram) -> None:
    hostile = "/<img src=x onerror=alert(1)>"
    async with connected(program.port) as page:
        await page.send(type="watch_values")
        await page.next("values")
        program.send(encode_message(Message.of(hostile, "</script><b>\x1b[2J\u202e")))
        while not (rows := (await page.next("values"))["rows"]):
            pass
        assert rows[0]["address"] == hostile
        assert rows[0]["args"] == ["</script><b>\x1b[2J\u202e"]
