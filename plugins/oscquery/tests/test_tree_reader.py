"""Trees of other servers: tolerant, and bounded in every way."""

from __future__ import annotations

from typing import Any

import pytest

import oscbridge
from oscbridge import Access, AddressInfo, Message, ValueRange
from oscbridge_oscquery import tree_reader
from oscbridge_oscquery.paths import MAX_ADDRESS, MAX_DEPTH
from oscbridge_oscquery.tree_reader import MAX_NODES, TreeReader, load_json


def read(document: object, path: str = "/") -> dict[str, AddressInfo]:
    return {node.info.address: node.info for node in TreeReader().nodes(path, document)}


def tree(**nodes: Any) -> dict[str, Any]:
    return {"FULL_PATH": "/", "CONTENTS": nodes}


def test_every_attribute_is_read() -> None:
    node = {
        "FULL_PATH": "/a", "TYPE": "fs", "ACCESS": 1, "DESCRIPTION": "d", "TAGS": ["x", "y"],
        "RANGE": [{"MIN": 0, "MAX": 1}, {"VALS": ["a", "b"]}], "UNIT": ["gain.db", None],
        "CLIPMODE": ["both", None], "EXTENDED_TYPE": [None, "filepath"], "CRITICAL": True,
        "VALUE": [0.5, "a"], "OVERLOADS": [{"TYPE": "i"}, {"TYPE": "ss"}],
    }  # fmt: skip
    (found,) = TreeReader("x").nodes("/", tree(a=node))
    assert found.info == AddressInfo(
        "/a",
        "fs",
        (ValueRange(0, 1), ValueRange(choices=("a", "b"))),
        "gain.db",
        Access.READ,
        "d",
        ("x", "y"),
        "x",
        clip_modes=("both", ""),
        extended_types=("", "filepath"),
        critical=True,
        overloads=("i", "ss"),
    )
    assert found.message == Message("/a", "fs", (0.5, "a"))


@pytest.mark.parametrize(
    "value", [5, "s", {"TYPE": "s"}, [5, None, "s"], [{"TYPE": "%"}, {"TYPE": 5}, {}, {"TYPE": ""}]]
)
def test_impossible_overloads_are_left_out(value: object) -> None:
    assert read(tree(a={"TYPE": "f", "OVERLOADS": value}))["/a"].overloads == ()


def test_overloads_are_bounded() -> None:
    many = [{"TYPE": "f" * number} for number in range(1, 100)]
    found = read(tree(a={"TYPE": "f", "OVERLOADS": many}))["/a"].overloads
    assert len(found) == tree_reader.MAX_OVERLOADS


def test_place_in_the_tree_is_the_address() -> None:
    lying = {"FULL_PATH": "/etc/passwd", "TYPE": "f"}
    assert set(read(tree(a=lying))) == {"/a"}
    assert set(read({"TYPE": "f"}, "/deep/node")) == {"/deep/node"}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"TYPE": 5}, ""),
        ({"TYPE": ["f"]}, ""),
        ({"TYPE": "]["}, ""),
        ({"TYPE": "f" * 1_000}, ""),
        ({"TYPE": "quux"}, ""),
        ({"TYPE": ",f"}, "f"),
        ({"TYPE": " f "}, "f"),
    ],
)
def test_type_that_lies_is_unknown(node: dict[str, Any], expected: str) -> None:
    assert read(tree(a=node))["/a"].types == expected


@pytest.mark.parametrize(
    "node",
    [
        {"TYPE": "f", "VALUE": ["loud"]},
        {"TYPE": "f", "VALUE": [1, 2]},
        {"TYPE": "f", "VALUE": [None]},
        {"TYPE": "f", "VALUE": []},
        {"TYPE": "f", "VALUE": {"x": 1}},
        {"TYPE": "[f]", "VALUE": [["x"]]},
        {"VALUE": [1]},
    ],
)
def test_value_that_lies_is_left_out(node: dict[str, Any]) -> None:
    (found,) = TreeReader().nodes("/", tree(a=node))
    assert found.message is None


@pytest.mark.parametrize(
    ("value", "access"),
    [(0, 0), (1, 1), (2, 2), (3, 3), (2.0, 2), (7, 3), (-1, 3), ("1", 3), (None, 3), ([], 3)],
)
def test_access_that_makes_no_sense_is_everything(value: object, access: int) -> None:
    assert read(tree(a={"TYPE": "f", "ACCESS": value}))["/a"].access == access


@pytest.mark.parametrize(
    "value",
    [5, "x", [5], [None], [{}], [{"MIN": "a"}], [{"MIN": 1, "MAX": 0}], [{"VALS": 5}], {}, [[]],
     [{"MIN": True}], [{"VALS": [None, [], {}]}]],
)  # fmt: skip
def test_range_that_makes_no_sense_is_none(value: object) -> None:
    assert read(tree(a={"TYPE": "f", "RANGE": value}))["/a"].ranges == ()


def test_range_that_is_not_in_a_list_is_read() -> None:
    node = {"TYPE": "f", "RANGE": {"MIN": 0, "MAX": 1}, "UNIT": "gain.db", "CLIPMODE": "low"}
    info = read(tree(a=node))["/a"]
    assert (info.ranges, info.unit, info.clip_modes) == ((ValueRange(0, 1),), "gain.db", ("low",))


@pytest.mark.parametrize("name", ["", "a/b", "a\0", "a\n", "x" * MAX_ADDRESS])
def test_node_with_an_impossible_name_is_left_out(name: str) -> None:
    reader = TreeReader()
    document = tree(**{name: {"TYPE": "f"}, "good": {"TYPE": "f"}})
    assert [node.info.address for node in reader.nodes("/", document)] == ["/good"]
    assert reader.ignored == {"name": 1}


def test_node_with_nonsense_is_left_out() -> None:
    reader = TreeReader()
    document = tree(a=5, b=[], c=None, d="x", e={"CONTENTS": 5}, f={"TYPE": "f"})
    assert [node.info.address for node in reader.nodes("/", document)] == ["/f"]
    assert reader.ignored == {"node": 4, "contents": 1}


@pytest.mark.parametrize("document", [None, 5, [], "x", {}, {"CONTENTS": None}, tree()])
def test_document_without_nodes_is_empty(document: object) -> None:
    assert read(document) == {}


def test_depth_is_bounded() -> None:
    node: dict[str, Any] = {"TYPE": "f"}
    for _ in range(MAX_DEPTH + 10):
        node = {"TYPE": "i", "CONTENTS": {"a": node}}
    reader = TreeReader()
    found = list(reader.nodes("/", node))
    assert len(found) == MAX_DEPTH
    assert reader.ignored == {"depth": 1}


def test_deeper_documents_are_not_even_parsed() -> None:
    text = b'{"CONTENTS":{"a":' * 100_000 + b"{}" + b"}}" * 100_000
    with pytest.raises(oscbridge.DecodeError):
        load_json(text)


def test_number_of_nodes_is_bounded() -> None:
    reader = TreeReader()
    document = tree(**{str(number): {"TYPE": "f"} for number in range(MAX_NODES + 5_000)})
    assert len(list(reader.nodes("/", document))) == MAX_NODES - 1  # the root is a node, too
    assert reader.ignored["nodes"] > 0


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_reader, "MAX_TREE", 100)
    assert load_json(b"[" + b" " * 98 + b"]") == []
    with pytest.raises(oscbridge.DecodeError, match="more than"):
        load_json(b"[" + b" " * 99 + b"]")


def test_texts_and_lists_are_bounded() -> None:
    node = {
        "TYPE": "f", "DESCRIPTION": "x" * 10_000, "UNIT": ["y" * 10_000],
        "TAGS": ["t"] * 10_000, "RANGE": [{"VALS": list(range(10_000))}] * 10_000,
        "CLIPMODE": ["both"] * 10_000,
    }  # fmt: skip
    info = read(tree(a=node))["/a"]
    assert len(info.description) == len(info.unit) == tree_reader.MAX_TEXT
    assert len(info.tags) == tree_reader.MAX_TAGS
    assert len(info.ranges) <= 256
    assert info.ranges[0] is not None
    assert len(info.ranges[0].choices) == tree_reader.MAX_CHOICES
