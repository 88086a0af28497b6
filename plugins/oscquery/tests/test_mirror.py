"""What a client knows of its server."""

from __future__ import annotations

import pytest

from oscbridge import AddressInfo, Message
from oscbridge_oscquery import mirror
from oscbridge_oscquery.mirror import Mirror
from oscbridge_oscquery.tree_reader import MirroredNode


def nodes(path: str, count: int) -> list[MirroredNode]:
    return [
        MirroredNode(AddressInfo(f"{path}/{n}", "i"), Message(f"{path}/{n}", "i", (n,)))
        for n in range(count)
    ]


def test_subtrees_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "MAX_NODES", 10)
    found = Mirror()
    for path in ("/a", "/b", "/c"):
        found.replace(path, nodes(path, 8))
    assert len(found) == 10
    assert "/b/1" in found
    assert "/b/2" not in found
    found.replace("/a", [])
    found.replace("/b", nodes("/b", 8))
    assert len(found) == 8


def test_value_of_the_tree_is_forgotten_when_a_later_one_is_known() -> None:
    found = Mirror()
    found.replace("/", nodes("/a", 2))
    found.note(Message("/a/0", "i", (5,)))
    assert [each.address for each in found.values()] == ["/a/1"]
    assert found.is_news(Message("/a/0", "i", (0,)))
    found.replace("/a", nodes("/a", 2))
    assert [each.args for each in found.values()] == [(0,), (1,)]
