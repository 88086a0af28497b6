"""``oscbridge history``, ``undo`` and ``redo``, with edits from the control room."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from control_room import CONFIGURATION, connected

from oscbridge.testing.process import OscbridgeProcess

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., OscbridgeProcess]
Write = Callable[..., str]


@pytest.fixture
def program(start: Start, write: Write) -> OscbridgeProcess:
    """A running bridge with a control room."""
    program = start("run", write(CONFIGURATION))
    program.wait_for("Ctrl-C stops it")
    return program


def save(program: OscbridgeProcess, match: str) -> None:
    """Change the match of the route, as a page does."""

    async def edit() -> dict[str, Any]:
        async with connected(program.port("http")) as page:
            base = (await page.ask("configuration", type="read_configuration"))["version"]
            table = {"name": "faders", "from": "stage", "match": match, "to": "web"}
            edits = [{"kind": "change", "path": ["route", 0], "table": table}]
            summary = f"match {match}"
            return await page.ask(
                "saved", type="save_edit", base=base, edits=edits, summary=summary
            )

    assert asyncio.run(edit())["error"] == ""


def test_edits_are_listed_shown_undone_and_redone(
    program: OscbridgeProcess, call: Call, tmp_path: Path
) -> None:
    file = tmp_path / "show.toml"
    before = file.read_text()
    save(program, "/a/{n}")
    save(program, "/b/{n}")
    after = file.read_text()
    listed = call("history").stdout.splitlines()
    assert [line.split(maxsplit=3)[0::3] for line in listed] == [
        ["2", "match /b/{n}"],
        ["1", "match /a/{n}"],
    ]
    assert '+match = "/b/{n}"' in call("history", "2").stdout

    result = call("undo")
    assert (result.returncode, result.stderr) == (0, "")
    assert '-match = "/b/{n}"' in result.stdout
    assert "reloaded: " in result.stdout
    assert call("history").stdout.splitlines()[0].endswith("match /b/{n}  undone")
    assert call("redo").returncode == 0
    assert file.read_text() == after
    assert call("undo", "1", "--with-later").returncode == 0
    assert file.read_text() == before


def test_what_cannot_be_undone_is_said(
    program: OscbridgeProcess, call: Call, tmp_path: Path
) -> None:
    assert "they come from the control room" in call("history").stderr
    result = call("undo")
    assert (result.returncode, result.stderr) == (1, "error: there is nothing to undo\n")
    assert call("redo").stderr == "error: there is nothing to redo\n"
    save(program, "/a/{n}")
    assert call("history", "7").stderr == "error: 7: no such edit; available: 1\n"
    file = tmp_path / "show.toml"
    file.write_text(file.read_text().replace("/a/{n}", "/by/hand/{n}"))
    result = call("undo")
    assert result.returncode == 1
    assert "undo it by hand" in result.stderr
    assert "/by/hand/{n}" in file.read_text()
    assert "needs a NUMBER" in call("undo", "--with-later").stderr
