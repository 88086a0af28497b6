"""The surface without a browser: edits of two pages at once, its file, rights, crafted edits."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from control_room import (
    CONFIGURATION,
    SECRETS,
    TOKENS,
    ControlRoomPage,
    ControlRoomProgram,
    connected,
)
from websockets.asyncio.client import ClientConnection, connect

from oscbridge import ConfigurationError, Message, OSCBridgeError, encode_message
from oscbridge_ui.surface.edits import read_edits
from oscbridge_ui.surface.file import SurfaceFile
from oscbridge_ui.surface.models import MAX_PAGES, MAX_WIDGETS, SurfaceDocument


def new_page(id_: str = "page1", name: str = "Main", **more: object) -> dict[str, object]:
    return {"op": "add_page", "page": {"id": id_, "name": name, **more}}


def new_fader(id_: str, address: str = "/1/fader1", **more: object) -> dict[str, object]:
    widget = {"id": id_, "kind": "fader", "address": address, "types": "f", **more}
    return {"op": "add_widget", "page": "page1", "widget": widget}


async def edit(page: ControlRoomPage, *edits: object) -> str:
    """Send edits. Returns the error."""
    answer = await page.command(type="edit_surface", edits=json.dumps(edits))
    return str(answer["error"])


class Pages:
    """What a page knows of the surface."""

    def __init__(self, page: ControlRoomPage) -> None:
        self.page = page
        self.order: list[str] = []
        self.pages: dict[str, Any] = {}
        self.rows: dict[str, list[Any]] = {}
        self.state: dict[str, Any] = {}

    async def watch(self, page: str = "page1") -> None:
        await self.page.send(type="watch_surface", page=page)
        await self.next()

    async def next(self) -> None:
        self._take(await self.page.next("surface"))

    async def edit(self, *edits: object) -> str:
        """Send edits, and take messages until their answer. Returns the error."""
        await self.page.send(type="edit_surface", id=1, edits=json.dumps(edits))
        while True:
            message = json.loads(await self.page.socket.recv())
            if message["type"] == "surface":
                self._take(message)
            elif message["type"] == "answer":
                return str(message["error"])

    def _take(self, state: dict[str, Any]) -> None:
        self.state = state
        self.pages |= {each["id"]: each for each in state["pages"]}
        if state["order"] is not None:
            self.order = state["order"]
        self.rows |= {row["address"]: row["args"] for row in state["rows"]}

    async def until(self, check: Callable[[], bool]) -> None:
        while not check():
            await self.next()

    def widgets(self, page: str = "page1") -> dict[str, Any]:
        found = self.pages.get(page, {"widgets": ()})
        return {each["id"]: each for each in found["widgets"]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of the surface."""
    return tmp_path / "test.surface.json"


async def test_two_browsers_edit_at_once_and_lose_nothing(
    program: ControlRoomProgram, file: Path
) -> None:
    async with connected(program.port) as one, connected(program.port) as two:
        first, second = Pages(one), Pages(two)
        await first.watch()
        await second.watch()
        assert await first.edit(new_page()) == ""
        ids = [[f"{name}{number:03}" for number in range(40)] for name in ("aa", "bb")]
        for left, right in zip(*ids, strict=True):  # both wait for no answer of the other
            for page, id_ in ((one, left), (two, right)):
                await page.send(type="edit_surface", id=7, edits=json.dumps([new_fader(id_)]))
        change = {"op": "change_widget", "page": "page1", "widget": "aa000"}
        await one.send(
            type="edit_surface", id=8, edits=json.dumps([{**change, "changes": {"label": "Ariel"}}])
        )
        await two.send(
            type="edit_surface", id=8, edits=json.dumps([{**change, "changes": {"x": 5, "w": 2}}])
        )
        everything = set(ids[0] + ids[1])

        def is_complete(pages: Pages) -> bool:
            found = pages.widgets()
            widget = found.get("aa000", {})
            return found.keys() == everything and (widget["label"], widget["x"], widget["w"]) == (
                "Ariel",
                5,
                2,
            )

        await first.until(lambda: is_complete(first))
        await second.until(lambda: is_complete(second))
        assert await first.edit({"op": "change_page", "page": "page1", "changes": {}}) == ""
        kept = json.loads(file.read_text())
    assert {each["id"] for each in kept["pages"][0]["widgets"]} == everything
    assert kept["revision"] == 84


async def test_surface_is_there_after_a_restart(start: Callable[..., Any], file: Path) -> None:
    with start() as process:
        async with connected(ControlRoomProgram(process).port) as page:
            assert await edit(page, new_page(), new_fader("fader1", colour="#2b8ed6")) == ""
    with start() as process:
        async with connected(ControlRoomProgram(process).port) as page:
            pages = Pages(page)
            await pages.watch()
            assert pages.widgets()["fader1"]["colour"] == "#2b8ed6"
            assert pages.state["file"] == str(file)


async def test_values_of_the_page_on_the_screen_are_sent(program: ControlRoomProgram) -> None:
    async with connected(program.port) as page:
        pages = Pages(page)
        await pages.watch()
        assert await pages.edit(new_page(), new_fader("fader1")) == ""
        await pages.until(lambda: "page1" in pages.pages)
        program.send(*(encode_message(Message.of(f"/1/fader{n}", n / 8)) for n in (2, 1)))
        await pages.until(lambda: "/1/fader1" in pages.rows)
        assert pages.rows == {"/1/fader1": [0.125]}


async def test_values_are_known_when_the_surface_is_shown_again(
    program: ControlRoomProgram,
) -> None:
    async with connected(program.port) as page:
        pages = Pages(page)
        await pages.watch()
        assert await pages.edit(new_page(), new_fader("fader1")) == ""
        await page.send(type="unwatch", topic="surface")
        program.send(encode_message(Message.of("/1/fader1", 0.25)))
        while (await page.next("pulse"))["received"] == 0:
            pass
        await pages.watch()
        await pages.until(lambda: pages.rows.get("/1/fader1") == [0.25])


async def test_file_that_another_program_writes_is_read_again(
    program: ControlRoomProgram, file: Path
) -> None:
    async with connected(program.port) as page:
        pages = Pages(page)
        await pages.watch()
        assert await pages.edit(new_page()) == ""
        other = json.loads(file.read_text())
        other["pages"][0]["name"] = "Written by hand"
        file.write_text(json.dumps(other))
        assert await pages.edit(new_fader("fader1")) == ""
        await pages.until(lambda: "fader1" in pages.widgets())
        assert pages.pages["page1"]["name"] == "Written by hand"


async def test_damaged_file_is_kept_under_another_name(
    start: Callable[..., Any], file: Path
) -> None:
    file.write_text('{"format": "oscbridge surface", "version": 1, "pages": [{"id": "../x"}]}')
    with start() as process:
        async with connected(ControlRoomProgram(process).port) as page:
            pages = Pages(page)
            await pages.watch()
            assert pages.order == []
            assert await pages.edit(new_page()) == ""
    assert "../x" in file.with_name(f"{file.name}.damaged-1").read_text()


def test_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSCBridgeError, match="not a regular file"):
        SurfaceFile((tmp_path / "pipe",)).read()


def test_file_that_cannot_be_read_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "show.surface.json"
    first = SurfaceFile((path,))
    first.write(SurfaceDocument())
    before = path.read_bytes()
    with monkeypatch.context() as failing:
        failing.setattr(Path, "open", Mock(side_effect=PermissionError(13, "Permission denied")))
        with pytest.raises(OSCBridgeError, match=r"Permission denied$"):
            first.read()
    with pytest.raises(OSCBridgeError, match="Permission denied; it is not replaced"):
        first.write(SurfaceDocument(revision=5))
    assert path.read_bytes() == before
    assert first.has_changed()  # it is tried again
    first.read()
    first.write(SurfaceDocument(revision=5))


async def test_read_only_surface_is_kept_with_the_state(
    start: Callable[..., Any], file: Path, tmp_path: Path
) -> None:
    page1 = {"id": "page1", "name": "From the image", "widgets": []}
    file.write_text(json.dumps({"format": "oscbridge surface", "version": 1, "pages": [page1]}))
    file.chmod(0o444)
    with start() as process:
        async with connected(ControlRoomProgram(process).port) as page:
            pages = Pages(page)
            await pages.watch()
            assert pages.pages["page1"]["name"] == "From the image"
            assert await pages.edit(new_fader("fader1")) == ""
            assert Path(pages.state["file"]).is_relative_to(tmp_path / "state")
    assert json.loads(file.read_text())["pages"] == [page1]
    with start() as process:
        async with connected(ControlRoomProgram(process).port) as page:
            pages = Pages(page)
            await pages.watch()
            assert "fader1" in pages.widgets()


async def test_surface_that_cannot_be_kept_is_shown_and_says_so(
    start: Callable[..., Any], file: Path, tmp_path: Path
) -> None:
    file.write_text("{}")
    file.chmod(0o444)
    (tmp_path / "state").write_text("no folder")
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        port = ControlRoomProgram(process).port
        async with connected(port, SECRETS["FOH"]) as page:
            pages = Pages(page)
            await pages.watch()
            error = await pages.edit(new_page())
            assert error.startswith("shown, but not kept: ")
            await pages.until(lambda: "page1" in pages.pages and pages.state["problem"] != "")
        async with connected(port, SECRETS["WALL"]) as page:  # it shows a path
            pages = Pages(page)
            await pages.watch()
            assert (pages.order, pages.state["problem"]) == (["page1"], "")


# --- rights -----------------------------------------------------------------------------------


async def test_only_a_token_that_may_configure_everything_edits(
    start: Callable[..., Any], file: Path
) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        port = ControlRoomProgram(process).port
        async with connected(port, SECRETS["WALL"]) as page:
            assert "requires the right 'configure'" in await edit(page, new_page())
        async with connected(port, SECRETS["ARIEL"]) as page:
            assert "is limited to some addresses" in await edit(page, new_page())
        assert not file.exists()
        async with connected(port, SECRETS["FOH"]) as page:
            assert await edit(page, new_page()) == ""


async def test_token_shows_its_pages_and_its_addresses(start: Callable[..., Any]) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        port = ControlRoomProgram(process).port
        async with connected(port, SECRETS["FOH"]) as page:
            edits = [
                new_page(),
                new_fader("secret", "/secret"),
                new_fader("band", "/band/1"),
                new_page("page2", "Wall", tokens=["wall"]),
                new_page("page3", "Ariel", tokens=["ariel"]),
            ]
            assert await edit(page, *edits) == ""
            pages = Pages(page)
            await pages.watch()
            assert pages.order == ["page1", "page2", "page3"]
            assert pages.state["token_names"] == ["foh", "ariel", "wall"]
        async with connected(port, SECRETS["WALL"]) as page:
            pages = Pages(page)
            await pages.watch()
            assert pages.order == ["page1", "page2"]
            assert pages.widgets().keys() == {"secret", "band"}
            assert (pages.state["file"], pages.state["token_names"]) == ("", [])
        async with connected(port, SECRETS["ARIEL"]) as page:
            pages = Pages(page)
            await pages.watch()
            assert pages.order == ["page1", "page3"]
            assert pages.widgets().keys() == {"band"}


async def test_views_with_everything_are_not_for_limited_tokens(
    start: Callable[..., Any],
) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        port = ControlRoomProgram(process).port
        async with connected(port, SECRETS["WALL"]) as page:
            assert {"log", "record"} <= set((await page.next("welcome"))["views"])
        async with connected(port, SECRETS["ARIEL"]) as page:
            views = (await page.next("welcome"))["views"]
            assert {"log", "learn", "devices", "record"}.isdisjoint(views)
            await page.send(type="watch_log")
            await page.send(type="watch_recordings")
            for _ in range(3):  # a snapshot would come before a pulse
                message = json.loads(await page.socket.recv())
                assert message["type"] not in ("log", "recordings")
            assert "is limited" in (await page.command(type="start_recording", name="a"))["error"]


async def test_token_for_other_endpoints_reaches_only_those(start: Callable[..., Any]) -> None:
    tokens = TOKENS.replace('addresses = ["/band/*"]', 'endpoints = ["http", "web"]')
    with start(CONFIGURATION + tokens, env=SECRETS) as process:
        async with connected(ControlRoomProgram(process).port, SECRETS["ARIEL"]) as page:
            assert "record" not in (await page.next("welcome"))["views"]
            one = {"type": "send", "address": "/a", "types": "i", "args": [1]}
            assert (await page.command(name="web", **one))["error"] == ""
            answer = await page.command(name="stage", received=True, **one)
            assert "is not valid for stage" in answer["error"]


# --- locks and bounds ---------------------------------------------------------------------------


async def test_locked_page_is_not_edited(program: ControlRoomProgram) -> None:
    lock = {"op": "change_page", "page": "page1", "changes": {"locked": True}}
    unlock = {**lock, "changes": {"locked": False}}
    async with connected(program.port) as page:
        assert await edit(page, new_page(), new_fader("fader1"), lock) == ""
        for change in (
            new_fader("fader2"),
            {"op": "remove_widget", "page": "page1", "widget": "fader1"},
            {"op": "remove_page", "page": "page1"},
            {"op": "change_page", "page": "page1", "changes": {"locked": False, "name": "x"}},
        ):
            assert "page 'Main' is locked" in await edit(page, change)
        assert await edit(page, unlock, new_fader("fader2")) == ""


HOSTILE = [
    "",
    "nonsense",
    "[]",
    "{}",
    "[" * 20_000,
    '[{"op": "add_page"}]',
    '[{"op": "write_file", "path": "/etc/passwd"}]',
    json.dumps([new_page("../../etc")]),
    json.dumps([new_page("page1", "")]),
    json.dumps([new_page("page1", "x" * 41)]),
    json.dumps([new_page(columns=49)]),
    json.dumps([new_page(columns=0)]),
    json.dumps([new_page(script="alert(1)")]),
    json.dumps([new_page(), new_fader("x" * 40)]),
    json.dumps([new_page(), new_fader("fader1", "no slash")]),
    json.dumps([new_page(), new_fader("fader1", "/" + "x" * 2_000)]),
    json.dumps([new_page(), new_fader("fader1", colour="red;background:url(//evil)")]),
    json.dumps([new_page(), new_fader("fader1", least=float("nan"))]),
    json.dumps([new_page(), new_fader("fader1", most=float("inf"))]),
    json.dumps([new_page(), new_fader("fader1", x=-1)]),
    json.dumps([new_page(), new_fader("fader1", y=10**9)]),
    json.dumps([new_page(), new_fader("fader1", kind="iframe")]),
    json.dumps([new_page(), new_fader("fader1", choices=list(range(65)))]),
    json.dumps([new_page(), new_fader("fader1", args=[["nested"]])]),
    json.dumps([new_page(), new_fader("fader1"), new_fader("fader1")]),
    json.dumps([new_page(), new_page()]),
    json.dumps([new_page(f"page{n}") for n in range(MAX_PAGES + 1)]),
    json.dumps([new_page(), *(new_fader(f"fader{n}") for n in range(MAX_WIDGETS + 1))]),
    json.dumps([{"op": "change_page", "page": "gone", "changes": {"name": "x"}}]),
    json.dumps([new_page(widgets=[{"id": "same", "kind": "label"}] * 2)]),
]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("address", "/with a space", "address: must start with '/' and have no spaces"),
        ("colour", "red", "colour: must be '#' with six digits"),
        ("types", "[f]", "types: must be type tags"),
        ("id", "No Id", "id: is not valid"),
    ],
)
def test_error_says_what_a_text_must_be_instead_of_its_pattern(
    key: str, value: str, words: str
) -> None:
    edits = json.dumps([new_page(), new_fader("fader1", **{key: value})])
    with pytest.raises(ConfigurationError) as raised:
        read_edits(edits)
    assert words in str(raised.value)
    assert "pattern" not in str(raised.value)


@pytest.mark.parametrize("edits", HOSTILE, ids=range(len(HOSTILE)))
async def test_crafted_edit_is_answered_and_changes_nothing(
    program: ControlRoomProgram, file: Path, edits: str
) -> None:
    async with connected(program.port) as page:
        answer = await page.command(type="edit_surface", edits=edits)
        assert answer["error"] != ""
        assert len(answer["error"]) < 1_000
        assert not file.exists()
        assert (await page.command(type="mute", routes=["faders"], on=True))["error"] == ""


async def test_random_edits_never_break_the_surface(
    program: ControlRoomProgram, file: Path
) -> None:
    chance = random.Random(20)
    pages = [f"page{n}" for n in range(3)]
    widgets = [f"wid{n}" for n in range(6)]

    def random_edit() -> dict[str, object]:
        page, widget = chance.choice(pages), chance.choice(widgets)
        return chance.choice(
            (
                new_page(page, chance.choice("ABC")),
                {"op": "remove_page", "page": page},
                {
                    "op": "change_page",
                    "page": page,
                    "changes": {"position": chance.randrange(32), "columns": chance.randrange(60)},
                },
                {"op": "add_widget", "page": page, "widget": {"id": widget, "kind": "label"}},
                {"op": "remove_widget", "page": page, "widget": widget},
                {
                    "op": "change_widget",
                    "page": page,
                    "widget": widget,
                    "changes": {"x": chance.randrange(60), "on": chance.choice((1, "a", None))},
                },
            )
        )

    async with connected(program.port) as page:
        made = 0
        for _ in range(60):
            made += await edit(page, random_edit(), random_edit()) == ""
        assert made > 5
        state = Pages(page)
        await state.watch("page0")
        kept = json.loads(file.read_text())
        assert [each["id"] for each in kept["pages"]] == state.order
        assert kept["pages"] == [state.pages[id_] for id_ in state.order]


# --- buttons that are held ------------------------------------------------------------------------


def press(address: str, *, release: bool = True) -> dict[str, object]:
    """A button that is held, at the clients of the endpoint ``web``."""
    held = {"types": "i", "args": [0]} if release else None
    about = {"type": "send", "id": 1, "name": "web", "address": address}
    return {**about, "types": "i", "args": [1], "release": held}


async def heard_by(client: ClientConnection) -> str:
    """The next message of a client of the endpoint."""
    message = json.loads(await client.recv())
    return f"{message['address']} {message['args'][0]['value']}"


async def test_held_button_is_released_when_its_page_is_gone(program: ControlRoomProgram) -> None:
    url = f"ws://127.0.0.1:{program.process.port('web')}"
    async with connect(url, subprotocols=["osc.json"]) as client:  # type: ignore[list-item]
        async with connected(program.port) as page:
            await page.send(**press("/note"))
            await page.send(**press("/other"))
            await page.send(**{**press("/other", release=False), "args": [0]})  # released by hand
            heard = [await heard_by(client) for _ in range(3)]
            page.socket.transport.abort()  # a phone that is gone
        assert [*heard, await heard_by(client)] == ["/note 1", "/other 1", "/other 0", "/note 0"]
        async with connected(program.port) as page:  # and nothing else
            await page.send(**press("/end", release=False))
            assert await heard_by(client) == "/end 1"


async def test_held_button_is_released_when_its_token_ends(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        program = ControlRoomProgram(process)
        url = f"ws://127.0.0.1:{process.port('web')}"
        headers = {"Authorization": f"Bearer {SECRETS['FOH']}"}
        options: dict[str, Any] = {"subprotocols": ["osc.json"], "additional_headers": headers}
        async with (
            connect(url, **options) as client,
            connected(program.port, SECRETS["WALL"]) as page,
            connected(program.port, SECRETS["FOH"]) as other,
        ):
            await page.send(**press("/note"))
            assert await heard_by(client) == "/note 1"
            file = tmp_path / "test.toml"
            text = file.read_text()
            file.write_text(text[: text.rindex("[[token]]")])
            await other.command(type="reload")
            assert await heard_by(client) == "/note 0"
