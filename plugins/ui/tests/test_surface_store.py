"""The surface of a process while pages edit it at once and other programs write its file."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from oscbridge import OSCBridgeError
from oscbridge_ui.surface.edits import SurfaceEdit
from oscbridge_ui.surface.file import SurfaceFile
from oscbridge_ui.surface.models import SurfaceDocument
from oscbridge_ui.surface.store import SurfaceStore

EDIT: TypeAdapter[SurfaceEdit] = TypeAdapter(SurfaceEdit)


def new_page(name: str) -> SurfaceEdit:
    page = {"id": name, "name": name, "widgets": []}
    return EDIT.validate_python({"op": "add_page", "page": page})


def pages_in(path: Path) -> list[str]:
    return [page["id"] for page in json.loads(path.read_text())["pages"]]


class SlowFile(SurfaceFile):
    """Its writes wait until they may go on."""

    def __init__(self, path: Path) -> None:
        super().__init__((path,))
        self.may_write = threading.Event()
        self.written = 0

    def write(self, document: SurfaceDocument) -> None:
        assert self.may_write.wait(20)
        super().write(document)
        self.written += 1

    def has_changed(self) -> bool:
        """As if another program wrote it all the time."""
        return True


async def test_edits_are_not_lost_while_the_file_is_written_and_changes(tmp_path: Path) -> None:
    file = SlowFile(tmp_path / "test.surface.json")
    file.may_write.set()
    store = SurfaceStore(file)
    await store.edit([new_page("one")])
    edits: list[asyncio.Task[None]] = []
    change = EDIT.validate_python({"op": "change_page", "page": "one", "changes": {}})
    while file.written < 20:  # so one begins in every state of the others
        edits.append(asyncio.create_task(store.edit([change])))
        await asyncio.sleep(0)
    await asyncio.gather(*edits)
    assert store.document.revision == 1 + len(edits)
    assert json.loads(file.path.read_text())["revision"] == 1 + len(edits)


async def test_edits_that_come_while_the_file_is_written_are_written_together(
    tmp_path: Path,
) -> None:
    file = SlowFile(tmp_path / "test.surface.json")
    store = SurfaceStore(file)
    edits = [asyncio.create_task(store.edit([new_page(f"p{number}")])) for number in range(12)]
    while len(store.document.pages) < 12:
        await asyncio.sleep(0)
    file.may_write.set()
    await asyncio.gather(*edits)
    assert file.written == 2


async def test_edit_is_kept_after_another_program_has_written_an_older_revision(
    tmp_path: Path,
) -> None:
    path = tmp_path / "test.surface.json"
    store = SurfaceStore(SurfaceFile((path,)))
    for name in ("one", "two", "three"):
        await store.edit([new_page(name)])
    path.write_text(SurfaceDocument().model_dump_json())
    await store.edit([new_page("four")])
    assert pages_in(path) == ["four"]


async def test_edit_of_a_page_that_goes_away_is_kept(tmp_path: Path) -> None:
    file = SlowFile(tmp_path / "test.surface.json")
    store = SurfaceStore(file)
    first = asyncio.create_task(store.edit([new_page("one")]))
    second = asyncio.create_task(store.edit([new_page("two")]))
    while len(store.document.pages) < 2:
        await asyncio.sleep(0)
    second.cancel()
    file.may_write.set()
    await first
    await store.close()
    assert pages_in(file.path) == ["one", "two"]


async def test_edit_that_cannot_be_written_fails_and_the_next_one_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "test.surface.json"
    store = SurfaceStore(SurfaceFile((path,)))

    def fail(_self: SurfaceFile, _document: SurfaceDocument) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(SurfaceFile, "write", fail)
        with pytest.raises(OSCBridgeError, match="not kept: RuntimeError"):
            await store.edit([new_page("one")])
    await store.edit([new_page("two")])
    assert pages_in(path) == ["one", "two"]
