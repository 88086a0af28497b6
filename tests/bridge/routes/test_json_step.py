"""The step ``json``: a document in the first argument becomes messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oscbridge import ConfigurationError, Message, MessageDropped
from oscbridge.bridge.routes.json_step import (
    MAX_ADDRESS,
    MAX_ARGUMENTS,
    MAX_DEPTH,
    MAX_FROM_JSON,
    messages_of_document,
)
from oscbridge.testing import what_does_not_add_up
from oscbridge.testing.bridge import RunningBridge, running_bridge

CONFIGURATION = """
[bridge.in]
listen = "udp://127.0.0.1:0"
mode = "{mode}"
[endpoint.out]
type = "recording"
[[route]]
from = "in"
match = "/reply/cue/{{number}}/isRunning"
json = "data"
send = "/light/{{number}} {{0}}"
to = "out"
[[route]]
from = "in"
match = "/reply/levels"
json = "data"
types = "f"
when = "x > 0.5"
to = "out"
[[route]]
from = "in"
match = "/reply/changes"
json = "data"
on_change = true
to = "out"
"""


def made(document: object, *part: str, address: str = "/reply") -> list[Message]:
    text = document if isinstance(document, str) else json.dumps(document)
    return messages_of_document(Message.of(address, text), part)


@pytest.mark.parametrize(
    ("document", "part", "expected"),
    [
        ({"data": 1}, ["data"], [Message.of("/reply", 1)]),
        ({"data": 0.5}, ["data"], [Message.of("/reply", 0.5)]),
        ({"data": None}, ["data"], [Message.of("/reply", None)]),
        ({"data": True}, ["data"], [Message.of("/reply", True)]),
        ({"data": [1, "a", False]}, ["data"], [Message.of("/reply", 1, "a", False)]),
        ({"data": []}, ["data"], [Message.of("/reply")]),
        ({"data": {}}, ["data"], []),
        (
            {"status": "ok", "data": {"name": "x", "level": [0, 1]}},
            [],
            [
                Message.of("/reply/status", "ok"),
                Message.of("/reply/data/name", "x"),
                Message.of("/reply/data/level", 0, 1),
            ],
        ),
        (
            {"data": [{"name": "a"}, {"name": "b"}]},
            ["data"],
            [Message.of("/reply/0/name", "a"), Message.of("/reply/1/name", "b")],
        ),
        ({"data": [{"name": "a"}, 2]}, ["data", "0", "name"], [Message.of("/reply", "a")]),
        ({"a b/c*": 1, "ü": 2, "": 3}, [], [Message.of(f"/reply/{n}", v) for n, v in
            (("a_b_c_", 1), ("_", 2), ("_", 3))]),
        ('"text"', [], [Message.of("/reply", "text")]),
    ],
    ids=str,
)  # fmt: skip
def test_document_becomes_messages(
    document: object, part: list[str], expected: list[Message]
) -> None:
    assert made(document, *part) == expected


def test_large_whole_number_keeps_its_value() -> None:
    (message,) = made({"data": 1 << 40}, "data")
    assert (message.types, message.args) == ("h", (1 << 40,))


def nested(depth: int) -> Any:
    return 1 if not depth else {"a": nested(depth - 1)}


@pytest.mark.parametrize(
    ("document", "part", "reason"),
    [
        ("oops", [], "not valid JSON: .*: oops"),
        ("", [], "not valid JSON"),
        ("[" * 5_000, [], r"not valid JSON: .*…$"),
        ({"status": "error"}, ["data"], """the document has no 'data': {"status": "error"}"""),
        ({"data": [1]}, ["data", "3"], r"the document has no 'data\.3'"),
        ([1], ["9" * 5_000], "the document has no '9"),
        ({"data": 1}, ["data", "name"], r"the document has no 'data\.name'"),
        (nested(MAX_DEPTH + 1), [], "more than 16 levels"),
        ([{} for _ in range(3)] + [[n] for n in range(MAX_FROM_JSON + 1)], [], "more than 1000"),
        ({"a" * MAX_ADDRESS: 1}, [], "more than 1000 characters"),
        ([0] * (MAX_ARGUMENTS + 1), [], "a list has more than 16384 values"),
    ],
    ids=lambda each: str(each)[:30],
)
def test_unusable_document_is_a_failure_with_the_reason(
    document: object, part: list[str], reason: str
) -> None:
    with pytest.raises(MessageDropped, match=reason) as failure:
        made(document, *part)
    assert failure.value.reason == "json"


def test_message_without_a_text_is_a_failure() -> None:
    for message in (Message.of("/reply"), Message.of("/reply", 1)):
        with pytest.raises(MessageDropped, match="the first argument is not a text"):
            messages_of_document(message, ())


def test_deepest_allowed_document_is_read() -> None:
    assert made(nested(MAX_DEPTH))[0].args == (1,)


async def receive(bridge: RunningBridge, count: int, number: int) -> None:
    """Wait until a route has counted so many messages."""

    def taken() -> int:
        status = bridge.route_status(number)
        counts = status.messages
        return counts.passed + sum(counts.failed.values()) + sum(counts.filtered.values())

    await bridge.until(lambda: taken() == count, 20)


def results_of(bridge: RunningBridge, number: int) -> tuple[int, dict[str, int]]:
    """The results of a route that have passed, and those that were filtered."""
    results = bridge.route_status(number).results
    return (0, {}) if results is None else (results.passed, dict(results.filtered))


@pytest.mark.parametrize("mode", ["asyncio", "threading", "forking"])
async def test_route_counts_documents_and_what_they_make(mode: str) -> None:
    async with running_bridge(CONFIGURATION.format(mode=mode)) as bridge:
        reply = "/reply/cue/5/isRunning"
        for text in ('{"status":"ok","data":true}', '{"status":"error"}', "oops"):
            bridge.send("in", Message.of(reply, text))
        await receive(bridge, 3, 1)
        status = bridge.route_status(1)
        assert status.messages.passed == 1
        assert dict(status.messages.failed) == {"json": 2}
        assert status.last_error.startswith("json: ")
        await bridge.until(lambda: results_of(bridge, 1) == (1, {}))
        bridge.send("in", Message.of("/reply/levels", '{"data":{"a":0.7,"b":0.2,"c":1}}'))
        await bridge.until(lambda: results_of(bridge, 2) == (1, {"when": 1, "types": 1}))
        await bridge.until(lambda: len(bridge.recording("out").messages) == 2, 20)
        heard = [(each.address, each.args) for each in bridge.recording("out").messages]
        assert ("/light/5", (True,)) in heard
        assert [each for each, _ in heard if each != "/light/5"] == ["/reply/levels/a"]
        assert not what_does_not_add_up(bridge.status())


async def test_stateful_steps_see_the_made_messages() -> None:
    async with running_bridge(CONFIGURATION.format(mode="asyncio")) as bridge:
        for b in (1, 1, 2):
            text = json.dumps({"data": {"a": 1, "b": b}})
            bridge.send("in", Message.of("/reply/changes", text))
        await receive(bridge, 3, 3)
        await bridge.until(lambda: len(bridge.recording("out").messages) == 3, 20)
        heard = [(each.address, each.args[0]) for each in bridge.recording("out").messages]
        assert heard == [("/reply/changes/a", 1), ("/reply/changes/b", 1), ("/reply/changes/b", 2)]
        results = bridge.route_status(3).results
        assert results is not None
        assert dict(results.filtered) == {"on_change": 3}


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('json = ""', "json = '': expected true, or names with dots"),
        ('json = "a..b"', "expected true, or names with dots"),
        ("json = 3", "expected true, or names with dots"),
        ('json = true\nfunction = "math:sin"', "cannot be combined with 'json'"),
    ],
)
async def test_wrong_key_is_refused(keys: str, problem: str) -> None:
    text = '[bridge.in]\n[endpoint.out]\ntype = "recording"\n[[route]]\nfrom = "in"\nto = "out"\n'
    text += f"{keys}\n"
    with pytest.raises(ConfigurationError, match=problem):
        async with running_bridge(text):
            pass


async def test_false_is_no_step() -> None:
    text = CONFIGURATION.format(mode="asyncio").replace('json = "data"\non', "json = false\non")
    async with running_bridge(text) as bridge:
        bridge.send("in", Message.of("/reply/changes", "oops"))
        await bridge.until(lambda: len(bridge.recording("out").messages) == 1, 20)
