"""Edits of the configuration through the WebSocket, with the real program."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from control_room import CONFIGURATION, ControlRoomPage, ControlRoomProgram, connected

from oscbridge import Message, encode_message
from oscbridge.testing.process import READY, OscbridgeProcess

ROUTE = {"from": "stage", "match": "/new", "to": "web", "name": "new"}


@pytest.fixture
async def page(program: ControlRoomProgram) -> AsyncIterator[ControlRoomPage]:
    async with connected(program.port) as page:
        await page.next("welcome")
        yield page


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "test.toml"


async def read(page: ControlRoomPage) -> dict[str, Any]:
    found = await page.ask("configuration", type="read_configuration")
    assert found["error"] == ""
    return found


def named(edits: Iterable[dict[str, Any]], found: dict[str, Any]) -> list[dict[str, Any]]:
    """Edits of a text, with the name of the first file."""
    name = found["files"][0]["name"]
    return [{**each, "file": name} if each["kind"] == "text" else each for each in edits]


async def save(page: ControlRoomPage, *wanted: dict[str, Any], base: str = "") -> dict[str, Any]:
    found = await read(page)
    base, edits = base or found["version"], named(wanted, found)
    return await page.ask("saved", type="save_edit", base=base, edits=edits, summary="a test")


async def check(page: ControlRoomPage, *wanted: dict[str, Any], **more: object) -> dict[str, Any]:
    found = await read(page)
    base, edits = found["version"], named(wanted, found)
    return await page.ask("checked", type="check_edit", base=base, edits=edits, **more)


def add(**keys: object) -> dict[str, Any]:
    return {"kind": "add", "path": ["route"], "table": {**ROUTE, **keys}}


def change(**keys: object) -> dict[str, Any]:
    table = {"name": "faders", "from": "stage", "match": "/1/fader{n}", "to": "web", **keys}
    return {"kind": "change", "path": ["route", 0], "table": table}


def text(value: str) -> dict[str, Any]:
    return {"kind": "text", "text": value}


async def test_text_from_an_earlier_process_is_merged_with_what_the_file_has_become(
    start: Callable[..., Any], file: Path
) -> None:
    secret = '\n[endpoint.hook]\ntype = "webhook"\nurl = "https://example.org/hook-secret"\n'
    before = CONFIGURATION + secret
    with start(before) as process:
        async with connected(ControlRoomProgram(process).port) as page:
            shown = (await read(page))["files"][0]["text"]
    assert "hook-secret" not in shown
    after = before.replace("/1/fader", "/2/fader")
    with start(after) as process:
        async with connected(ControlRoomProgram(process).port) as page:
            mine = shown.replace('"web"', '"web" # mine')
            conflict = await check(page, {**text(shown.replace("/1/", "/3/")), "base": shown})
            assert "changed elsewhere in the same place" in conflict["error"]
            assert conflict["conflict"]
            saved = await save(page, {**text(mine), "base": shown})
            assert (saved["error"], saved["merged"]) == ("", True)
            assert file.read_text() == after.replace('"web"', '"web" # mine')
            saved = await save(page, text(mine))  # its hidden value is known, too
            assert (saved["error"], saved["merged"]) == ("", False)
            assert file.read_text() == before.replace('"web"', '"web" # mine')


async def test_saved_route_runs_and_is_in_the_file(page: ControlRoomPage, file: Path) -> None:
    saved = await save(page, add())
    assert saved["error"] == ""
    assert "route new" in saved["text"]
    assert 'match = "/new"' in file.read_text()
    assert file.read_text().startswith(CONFIGURATION.rstrip())
    found = await read(page)
    assert found["version"] == saved["version"]
    assert [each["summary"] for each in found["versions"]] == ["a test"]


async def test_check_changes_nothing(page: ControlRoomPage, file: Path) -> None:
    before = file.read_text()
    checked = await check(page, change(limit="30"))
    assert [each["path"] for each in checked["problems"]] == [["route", 0, "limit"]]
    assert checked["problems"][0]["brief"] == 'expected messages per second, e.g. "30/s"'
    assert checked["problems"][0]["line"] > 0
    assert '+limit = "30"' in checked["diff"]
    assert file.read_text() == before


async def test_invalid_edit_is_not_saved(page: ControlRoomPage, file: Path) -> None:
    before = file.read_text()
    saved = await save(page, change(to="nobody"))
    assert saved["reason"] == "invalid"
    assert "no such bridge or endpoint" in saved["error"]
    assert file.read_text() == before


async def test_undo_restores_the_text(page: ControlRoomPage, file: Path) -> None:
    before = file.read_text()
    await save(page, add())
    await save(page, change(match="/2/fader{n}"))
    undone = await page.ask("saved", type="undo_edit")
    assert undone["error"] == ""
    assert "/1/fader{n}" in file.read_text()
    undone = await page.ask("saved", type="undo_edit")
    assert file.read_text() == before
    nothing = await page.ask("saved", type="undo_edit")
    assert nothing["error"] == "there is nothing to undo"


async def test_redo_makes_undone_edits_again_in_their_order(
    page: ControlRoomPage, file: Path
) -> None:
    before = file.read_text()
    await save(page, add())
    await save(page, change(match="/2/fader{n}"))
    after = file.read_text()
    numbers = [each["number"] for each in (await read(page))["versions"]]
    back = await page.ask("saved", type="undo_edit", number=numbers[-1], and_later=True)
    assert (back["error"], file.read_text()) == ("", before)
    again = await page.ask("saved", type="redo_edit")
    assert again["error"] == ""
    assert 'match = "/new"' in file.read_text()
    assert "/1/fader{n}" in file.read_text()
    assert (await page.ask("saved", type="redo_edit", number=numbers[0]))["error"] == ""
    assert file.read_text() == after
    assert [each["undone"] for each in (await read(page))["versions"]] == [False, False]
    nothing = await page.ask("saved", type="redo_edit")
    assert (nothing["error"], nothing["reason"]) == ("there is nothing to redo", "refused")


async def test_redo_after_another_edit_is_only_by_number_and_never_overwrites(
    page: ControlRoomPage, file: Path
) -> None:
    await save(page, change(match="/2/fader{n}"))
    number = (await read(page))["versions"][0]["number"]
    await page.ask("saved", type="undo_edit")
    await save(page, change(match="/3/fader{n}"))
    assert (await page.ask("saved", type="redo_edit"))["error"] == "there is nothing to redo"
    conflict = await page.ask("saved", type="redo_edit", number=number)
    assert conflict["reason"] == "conflict"
    assert "redo it by hand" in conflict["error"]
    assert "/3/fader{n}" in file.read_text()


def in_parts(message: dict[str, Any], size: int = 20_000) -> list[dict[str, Any]]:
    """A message as the parts that a page sends."""
    whole = json.dumps(message)
    texts = [whole[at : at + size] for at in range(0, len(whole), size)]
    last = len(texts) - 1
    return [{"type": "part", "text": each, "is_last": at == last} for at, each in enumerate(texts)]


async def test_large_text_is_saved_in_parts(page: ControlRoomPage, file: Path) -> None:
    found = await read(page)
    large = found["files"][0]["text"] + "# a comment of the crew: ä🎛\n" * 9_000
    assert len(large) > 250_000
    edit = {"kind": "text", "file": found["files"][0]["name"], "text": large}
    wanted = {"type": "save_edit", "id": 4, "base": found["version"], "edits": [edit]}
    for part in in_parts({**wanted, "summary": "large"}):
        await page.send(**part)
    saved = await page.next("saved")
    assert (saved["error"], saved["id"]) == ("", 4)
    assert file.read_text() == large


async def test_last_twenty_versions_are_kept_for_this_user(
    page: ControlRoomPage, file: Path
) -> None:
    for number in range(22):
        assert (await save(page, change(match=f"/{number}")))["error"] == ""
    found = await read(page)
    assert len(found["versions"]) == 20
    kept = file.with_name(".test.toml.versions")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    back = await page.ask(
        "saved", type="undo_edit", number=found["versions"][-1]["number"], and_later=True
    )
    assert back["error"] == ""
    assert 'match = "/1"' in file.read_text()


async def test_two_editors_in_different_places_are_merged(
    program: ControlRoomProgram, file: Path
) -> None:
    async with connected(program.port) as one, connected(program.port) as other:
        base = (await read(one))["version"]
        first = await save(one, change(match="/2/fader{n}"), base=base)
        second = await save(other, add(), base=base)
    assert (first["merged"], second["merged"]) == (False, True)
    assert second["error"] == ""
    assert "/2/fader{n}" in file.read_text()
    assert 'match = "/new"' in file.read_text()


async def test_two_editors_in_one_place_conflict(program: ControlRoomProgram, file: Path) -> None:
    async with connected(program.port) as one, connected(program.port) as other:
        base = (await read(one))["version"]
        await save(one, change(match="/2/fader{n}"), base=base)
        second = await save(other, change(match="/3/fader{n}"), base=base)
    assert second["reason"] == "conflict"
    assert "/2/fader{n}" in file.read_text()


async def test_file_that_an_editor_changed_is_never_overwritten(
    page: ControlRoomPage, file: Path
) -> None:
    base = (await read(page))["version"]
    file.write_text(
        file.read_text().replace(
            'listen = "udp://127.0.0.1:0"', '# by hand\nlisten = "udp://127.0.0.1:0"'
        )
    )
    saved = await save(page, add(), base=base)
    assert saved["merged"]
    assert "# by hand" in file.read_text()


async def test_configuration_that_cannot_be_applied_is_restored(
    page: ControlRoomPage, file: Path, program: ControlRoomProgram
) -> None:
    before = file.read_text()
    taken = program.process.port("stage")
    bridge = {
        "kind": "add",
        "path": ["bridge", "twin"],
        "table": {"listen": f"udp://127.0.0.1:{taken}"},
    }
    saved = await save(page, bridge)
    assert saved["reason"] == "failed"
    assert "nothing is changed" in saved["error"]
    assert file.read_text() == before
    assert (await read(page))["versions"] == []


async def test_read_only_file_offers_the_text(page: ControlRoomPage, file: Path) -> None:
    file.chmod(0o444)
    assert "read-only" in (await read(page))["files"][0]["read_only"]
    saved = await save(page, add())
    assert saved["reason"] == "read_only"
    assert 'match = "/new"' in saved["texts"][str(file)]


async def test_key_of_the_environment_is_read_only(start: Callable[..., Any]) -> None:
    with start(env={"OSCBRIDGE__ROUTE__FADERS__MATCH": "/env{n}"}) as process:
        async with connected(ControlRoomProgram(process).port) as page:
            assert (await read(page))["environment"] == {
                "route 1: match": "OSCBRIDGE__ROUTE__FADERS__MATCH"
            }
            saved = await save(page, change(match="/other"))
            assert saved["reason"] == "refused"
            assert "OSCBRIDGE__ROUTE__FADERS__MATCH sets it" in saved["error"]


async def test_last_messages_are_traced_through_a_draft(
    page: ControlRoomPage, program: ControlRoomProgram
) -> None:
    await page.send(type="watch_routes")
    await page.next("routes")
    program.send(encode_message(Message("/1/fader3", "f", (0.5,))))
    while not (routes := (await page.next("routes"))["routes"]):
        pass
    assert routes[0]["taken"] == "/1/fader3 ,f 0.5"
    assert routes[0]["sent"] == "/ch/3/level ,f 0.5"
    draft = change(send="/draft/{n} {0}")
    checked = await check(page, draft, trial={"route": 0})
    assert [each["result"] for each in checked["traced"]] == ["/draft/3 ,f 0.5"]
    typed = await check(page, draft, trial={"route": 0, "message": "/1/fader7 1"})
    assert [each["result"] for each in typed["traced"]] == ["/draft/7 ,i 1"]


async def test_schema_marks_what_only_the_file_may_set(page: ControlRoomPage) -> None:
    found = await page.ask("schema", type="read_schema")
    definitions = found["document"]["$defs"]
    assert definitions["RouteOptions"]["properties"]["function"]["readOnly"]
    assert definitions["endpoint.websocket"]["properties"]["files"]["readOnly"]
    assert definitions["endpoint.osc"]["properties"]["passcode"]["x-secret"]


# --- forbidden changes -----------------------------------------------------------------------

MQTT = {"type": "osc", "to": "udp://127.0.0.1:9"}
SECRET = {"env": "HOME"}


def endpoint(**keys: object) -> dict[str, Any]:
    return {"kind": "add", "path": ["endpoint", "evil"], "table": {**MQTT, **keys}}


REFUSED = {
    "function": add(function="os:getcwd"),
    "secret of the environment": endpoint(passcode=SECRET, profile="qlab"),
    "secret of a file": endpoint(passcode={"file": "/etc/passwd"}, profile="qlab"),
    "own profile": endpoint(profile="/etc/passwd"),
    "profile beside the file": endpoint(profile="test.toml"),
    "spool": endpoint(policy="spool", spool={"path": "/tmp/evil"}),
    "folder that is served": {
        "kind": "add",
        "path": ["endpoint", "evil"],
        "table": {"type": "websocket", "listen": "127.0.0.1:0", "files": "/etc"},
    },
    "device": {
        "kind": "add",
        "path": ["endpoint", "evil"],
        "table": {"type": "serial", "device": "/dev/mem"},
    },
    "function in text": text(CONFIGURATION.replace("to    =", 'function = "os:getcwd"\nto =')),
    "include": text('include = ["/etc/passwd"]\n' + CONFIGURATION),
    "include of a pattern": text('include = "/etc/*.conf"\n' + CONFIGURATION),
    "run": text(CONFIGURATION + '\n[run]\nplugins = "/tmp"\n'),
    "http": text(CONFIGURATION.replace("[http]", "[http]\nallow_code = true")),
    "no http": text(CONFIGURATION[CONFIGURATION.index("[bridge") :]),
    "token": text(CONFIGURATION + '\n[[token]]\nname = "x"\nsecret = { env = "HOME" }\n'),
    "quoted key": text(CONFIGURATION.replace("to    =", '"function" = "os:getcwd"\nto =')),
    "dotted key": text('run.plugins = "/tmp"\n' + CONFIGURATION),
    "inline table": text(
        'route = [{ from = "stage", to = "web", function = "os:getcwd" }]\n'
        + CONFIGURATION[: CONFIGURATION.index("[[route")]
    ),
}


@pytest.mark.parametrize("edit", REFUSED.values(), ids=REFUSED.keys())
async def test_protected_value_is_refused(
    page: ControlRoomPage, file: Path, edit: dict[str, Any]
) -> None:
    before = file.read_text()
    checked = await check(page, edit)
    saved = await save(page, edit)
    assert saved["reason"] in ("refused", "invalid")
    assert checked["refused"] or checked["problems"]
    if saved["reason"] == "invalid":  # TOML does not allow it
        assert "not valid TOML" in saved["error"]
    assert "root:" not in str(saved) + str(checked)  # nothing of another file
    assert file.read_text() == before


async def test_function_is_not_imported_by_a_check(page: ControlRoomPage, tmp_path: Path) -> None:
    (tmp_path / "trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\ndef f(m): ...\n")
    checked = await check(page, add(function="trap:f"))
    assert "runs code" in checked["refused"][0]
    await save(page, add(function="trap:f"))
    assert not (tmp_path / "sprung").exists()


async def test_allow_code_allows_code(start: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "show.py").write_text("def f(message): return message\n")
    with start(CONFIGURATION.replace("[http]", "[http]\nallow_code = true")) as process:
        async with connected(ControlRoomProgram(process).port) as page:
            assert (await save(page, add(function="show:f")))["error"] == ""
            current = (await read(page))["files"][0]["text"]
            saved = await save(page, text(current.replace("allow_code = true", "")))
            assert "always read-only" in saved["error"]


TOKENS = """
[[token]]
name   = "viewer"
secret = { env = "VIEWER" }
rights = ["listen", "send"]

[[token]]
name      = "band"
secret    = { env = "BAND" }
rights    = ["listen", "configure"]
addresses = ["/band/*"]
"""
SECRETS = {"VIEWER": "viewer-secret-1", "BAND": "band-secret-12"}


@pytest.mark.parametrize(
    ("name", "reason"), [("VIEWER", "right 'configure'"), ("BAND", "limited to some addresses")]
)
async def test_edit_needs_the_right(start: Callable[..., Any], name: str, reason: str) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        async with connected(ControlRoomProgram(process).port, SECRETS[name]) as page:
            await page.next("welcome")
            requests: list[tuple[str, dict[str, Any]]] = [
                ("configuration", {"type": "read_configuration"}),
                ("schema", {"type": "read_schema"}),
                ("checked", {"type": "check_edit", "base": "", "edits": [add()]}),
                ("saved", {"type": "save_edit", "base": "", "edits": [add()], "summary": ""}),
                ("saved", {"type": "undo_edit"}),
                ("saved", {"type": "redo_edit"}),
            ]
            for kind, request in requests:
                answer = await page.ask(kind, **request)
                assert reason in answer["error"]
                assert "stage" not in str(answer)


async def test_secrets_are_not_sent_and_kept(start: Callable[..., Any], tmp_path: Path) -> None:
    hidden = "hunter2-very-secret"
    hook = f'\n[endpoint.hook]\ntype = "webhook"\nurl = "http://127.0.0.1:9/{hidden}"\n'
    with start(CONFIGURATION + hook) as process:
        async with connected(ControlRoomProgram(process).port) as page:
            found = await read(page)
            assert hidden not in str(found)
            shown = found["files"][0]["text"]
            saved = await save(page, text(shown.replace("/1/fader{n}", "/2/fader{n}")))
            assert saved["error"] == ""
            assert hidden not in str(saved)
            file = (tmp_path / "test.toml").read_text()
            assert f'url = "http://127.0.0.1:9/{hidden}"' in file
            mask = found["tables"]["endpoint"]["hook"]["url"]
            stolen = await save(page, change(send=f"/x {mask}"))
            assert stolen["reason"] == "refused"
            assert hidden not in str(await read(page))


async def test_storm_of_saves_is_slowed(page: ControlRoomPage) -> None:
    version = (await read(page))["version"]
    for _ in range(40):
        await page.send(
            type="save_edit", id=7, base=version, edits=[change(match="/x")], summary="storm"
        )
    answers = [await page.next("saved") for _ in range(40)]
    assert sum("too many" in each["error"] for each in answers) >= 20
    assert (await read(page))["error"] == ""


@pytest.mark.parametrize(
    "broken",
    ["[[route", "a = " + "[" * 5_000, "x = 1\n" * 5, '"' * 3, "a.b.c.d = {}\n" * 2, "\0"],
)
async def test_broken_toml_is_a_problem(page: ControlRoomPage, broken: str) -> None:
    checked = await check(page, text(broken))
    assert checked["problems"]
    assert (await check(page, add()))["problems"] == []


@contextmanager
def started(env: Mapping[str, str]) -> Iterator[OscbridgeProcess]:
    """The program without a file."""
    process = OscbridgeProcess("run", env=env)
    try:
        process.wait_for(READY)
        yield process
    finally:
        process.close()


def environment_of(folder: Path) -> dict[str, str]:
    """That of a start without a file, whose first save is in ``folder``."""
    ports = {"HTTP": "127.0.0.1:0", "BRIDGE__OSC": "udp://127.0.0.1:0"}
    ports |= {"ENDPOINT__WEB": "127.0.0.1:0"}
    env = {**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    return {**env, **{f"OSCBRIDGE__{key}__LISTEN": value for key, value in ports.items()}}


async def test_first_save_that_cannot_be_applied_leaves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        bridge = {"listen": f"tcp://127.0.0.1:{other.getsockname()[1]}"}
        edit = {"kind": "add", "path": ["bridge", "busy"], "table": bridge}
        with started(environment_of(tmp_path)) as process:
            async with connected(process.port("http")) as page:
                saved = await save(page, edit)
                assert "already in use" in saved["error"]
                found = await read(page)
                assert (found["built_in"], found["versions"]) == (True, [])
                undone = await page.ask("saved", type="undo_edit")
                assert undone["error"] == "there is nothing to undo"
        assert not (tmp_path / "oscbridge" / "oscbridge.toml").exists()


async def test_undo_without_the_file_that_was_removed_adds_no_version(tmp_path: Path) -> None:
    env, file = environment_of(tmp_path), tmp_path / "oscbridge" / "oscbridge.toml"
    edit = {"kind": "add", "path": ["variables"], "table": {"level": 1}}
    with started(env) as process:
        async with connected(process.port("http")) as page:
            assert (await save(page, edit))["error"] == ""
    file.unlink()
    with started(env) as process:
        async with connected(process.port("http")) as page:
            await page.ask("saved", type="undo_edit")
            versions = (await read(page))["versions"]
            assert [each["number"] for each in versions] == [1]


async def test_first_save_writes_the_file_that_the_next_start_reads(tmp_path: Path) -> None:
    env = environment_of(tmp_path)
    file = tmp_path / "oscbridge" / "oscbridge.toml"
    route = {"name": "first", "from": "osc", "match": "/first", "to": "web"}
    edit = {"kind": "add", "path": ["route"], "table": route}
    with started(env) as process:
        async with connected(process.port("http")) as page:
            assert (await read(page))["built_in"]
            refused = await save(page, {**edit, "table": {**route, "to": "nobody"}})
            assert refused["reason"] == "invalid"
            assert not file.exists()
            assert (await save(page, edit))["error"] == ""
            assert not (await read(page))["built_in"]
            assert (await save(page, {"kind": "remove", "path": ["route", 0]}))["error"] == ""
            assert (await page.ask("saved", type="undo_edit"))["error"] == ""
        assert 'name  = "first"' in file.read_text()
    with started(env) as process:
        assert f"with {file}" in process.output
        async with connected(process.port("http")) as page:
            assert (await read(page))["tables"]["route"][0]["name"] == "first"
