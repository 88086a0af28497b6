"""Values of let and of variables in the expressions of options for an endpoint."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationInfo, field_validator

import oscbridge
from oscbridge import Delivery, Message, Origin
from oscbridge.bridge.captures_encoding import decode_captures, encode_captures
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.bridge.routes.explain import trace
from oscbridge.bridge.sinks.spool.serializer import SpoolSerializer
from oscbridge.bridge.sources.forked.ipc_protocol import Emission, read_record
from oscbridge.errors import DecodeError
from oscbridge.osc import Argument
from oscbridge.templates.carried import CarryingCaptures
from oscbridge.testing import RunningBridge, running_bridge

MODES = ["asyncio", "blocking", "threading"] + (["forking"] if hasattr(os, "fork") else [])
CARRIED: Mapping[str, Argument] = {
    "a": 1, "b": 0.1, "c": True, "d": False, "e": "ä", "var.f": -(1 << 63), "g": 1e300, "h": "",
}  # fmt: skip


class TextRoute(oscbridge.Options):
    text: str = ""

    @field_validator("text")
    @classmethod
    def _is_template(cls, value: str, info: ValidationInfo) -> str:
        oscbridge.check_template(oscbridge.Template.parse(value, expressions=True), info)
        return value


class Texts(oscbridge.Endpoint[oscbridge.Options, Delivery[TextRoute]]):
    """Fills the text of each message."""

    def __init__(self, name: str, options: oscbridge.Options) -> None:
        super().__init__(name, options)
        self.texts: list[str] = []
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def send(self, delivery: Delivery[TextRoute]) -> None:
        await self.is_open.wait()
        message, options, captures = delivery
        assert options is not None
        template = oscbridge.Template.parse(options.text, expressions=True)
        self.texts.append(
            template.fill(
                lambda each: str(oscbridge.TemplateExpression(each).value(message, captures))
            )
        )


TYPES = {"texts": Texts}
TEXT = "{= round(db, 1)}/{= n}/{= var.a}/{= x}"


def text(*keys: str, mode: str = "asyncio", endpoint: str = "", text: str = TEXT) -> str:
    return "\n".join(
        (
            f"[bridge.in]\nlisten = 'udp://127.0.0.1:0'\nmode = '{mode}'",
            f"[endpoint.out]\ntype = 'texts'\n{endpoint}",
            "[variables]\na = 10",
            "[[route]]\nfrom = 'in'\nto = 'out'\nmatch = '/in/{n}'\nlet = { db = 'x * 2' }",
            f"texts = {{ text = '{text}' }}",
            *keys,
        )
    )


def filled(bridge: RunningBridge) -> list[str]:
    return texts_of(bridge).texts


def texts_of(bridge: RunningBridge) -> Texts:
    endpoint = bridge.endpoint("out")
    assert isinstance(endpoint, Texts)
    return endpoint


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", ["1.0/3/10/0.5", "3.0/4/10/1.5"]),
        ("set = { a = 'var.a + 1' }", ["1.0/3/11/0.5", "3.0/4/12/1.5"]),
        ("send = '/out 7'\nwhen = 'x > 0'", ["1.0/3/10/7", "3.0/4/10/7"]),
        ("scale = [0, 10, 0.0, 1.0]", ["1.0/3/10/0.05", "3.0/4/10/0.15"]),
        ("set = { a = 'x' }\nlimit = '1000/s'\ndelay = 0.01", ["1.0/3/0.5/0.5", "3.0/4/1.5/1.5"]),
    ],
)
async def test_let_and_variables_travel_with_the_message(
    mode: str, keys: str, expected: list[str]
) -> None:
    async with running_bridge(text(keys, mode=mode), TYPES) as bridge:
        for number, value in ((3, 0.5), (4, 1.5)):
            bridge.send("in", Message.of(f"/in/{number}", value))
            await bridge.until(lambda number=number: len(filled(bridge)) == number - 2)  # type: ignore[misc]
        assert filled(bridge) == expected


@pytest.mark.parametrize("mode", MODES)
async def test_let_travels_past_a_function(mode: str) -> None:
    config = text("function = 'copy:copy'", mode=mode, text="{= db}")
    async with running_bridge(config, TYPES) as bridge:
        bridge.send("in", Message.of("/in/3", 0.25))
        await bridge.until(lambda: filled(bridge) == ["0.5"])


async def test_variable_has_the_value_from_when_the_message_passed_the_route(
    tmp_path: Path,
) -> None:
    for policy in ("policy = 'drop_oldest'", f"policy = 'spool'\nspool.path = '{tmp_path}/s'"):
        config = text("set = { a = 'x' }", endpoint=policy, text="{= var.a} {= db}")
        async with running_bridge(config, TYPES) as bridge:
            endpoint = texts_of(bridge)
            endpoint.is_open.clear()
            bridge.send("in", *(Message.of("/in/1", value) for value in (1, 2, 3)))
            await bridge.until(lambda: bridge.status().variables == {"a": 3})
            endpoint.is_open.set()
            await bridge.until(lambda: len(texts_of(bridge).texts) == 3)
            assert endpoint.texts == ["1 2", "2 4", "3 6"]


async def test_value_that_cannot_travel_drops_the_message() -> None:
    config = text("types = 's'", text="{= db}").replace("x * 2", "[x]")
    async with running_bridge(config, TYPES) as bridge:
        bridge.send("in", Message.of("/in/1", "a"))
        await bridge.until(lambda: bridge.status().routes[0].messages.failed == {"expression": 1})
        expected = "let 'db' must be a number, text, or true or false to be used in options"
        assert any(expected in line and "not list" in line for line in bridge.log)


def read(*keys: str, text_: str = TEXT) -> Configuration:
    return parse(text(*keys, text=text_), TYPES, "a.toml")


def test_route_carries_only_what_its_options_use() -> None:
    (used,), (unused,) = read().routes, read(text_="{= x + n}").routes
    assert (used.carried, used.variables) == (("db", "var.a"), ("a",))
    assert (unused.carried, unused.variables) == ((), ())


def test_trace_shows_let_and_the_new_values_of_variables() -> None:
    config = read("set = { a = 'x' }")
    (route,) = trace(config, "in", Message.of("/in/3", 4))
    values = {step.value: step.result for step in route.steps if step.key == "texts.text"}
    assert values == {"{= round(db, 1)}": "8", "{= n}": "3", "{= var.a}": "4", "{= x}": "4"}


# --- on disk and between processes ----------------------------------------------------------------


def test_values_survive_the_way_from_a_worker() -> None:
    captures = CarryingCaptures({"n": "1", "m": ""}, CARRIED)
    found = read_record(Emission(0, Message.of("/a", 1), captures).encode())
    assert isinstance(found, Emission)
    assert isinstance(found.captures, CarryingCaptures)
    assert (dict(found.captures), found.captures.carried) == (dict(captures), CARRIED)
    assert list(map(type, found.captures.carried.values())) == list(map(type, CARRIED.values()))


def test_values_survive_on_disk_and_messages_share_their_options() -> None:
    serializer = SpoolSerializer(TextRoute)
    options, origin = TextRoute(text="a"), Origin("in")
    written = [
        serializer.encode(
            Delivery(
                Message("/n", "i", (n,), None, origin), options, CarryingCaptures({}, {"v": n})
            )
        )
        for n in range(3)
    ]
    found = [serializer.decode(each) for each in written]
    assert all(isinstance(each, Delivery) for each in found)
    deliveries = [each for each in found if isinstance(each, Delivery)]
    carried = [getattr(each.captures, "carried", None) for each in deliveries]
    assert carried == [{"v": 0}, {"v": 1}, {"v": 2}]
    assert len({id(each.options) for each in deliveries}) == 1


@pytest.mark.parametrize(
    "values", [["a"], [1, "a"], [["a"], b""], [[], b"/x\0\0,i\0\0\0\0\0\1"], [[], "a", b""], "a"]
)
def test_invalid_captures_are_rejected(values: Argument) -> None:
    with pytest.raises(DecodeError):
        decode_captures(values)


def test_captures_without_values_are_encoded_as_before() -> None:
    assert encode_captures({"a": "1", "b": "2"}) == ["a", "1", "b", "2"]
    assert type(decode_captures(["a", "1"])) is dict
