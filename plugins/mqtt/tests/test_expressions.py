"""Expressions in topics and payloads, published to a broker."""

from __future__ import annotations

from typing import Any

import pytest

from oscbridge import ConfigurationError, Message
from oscbridge.testing import read_routes, until


def route(keys: str) -> str:
    return f"[[route]]\nfrom = 'osc'\nmatch = '/m/{{n}}'\nto = 'mqtt'\nmqtt = {{ {keys} }}\n"


async def test_expressions_make_topic_and_payload(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "desk/#")
    topic = "topic = 'desk/{= n + 1}/{= lower(y)}'"
    payload = """payload = '{"db": {= round(gain_to_db(x), 1)}, "text": "{= y} {= x > 0.5}"}'"""
    bridge = await start(broker, more=route(f"{topic}, {payload}"))
    bridge.send(Message.of("/m/3", 1.0, 'GAIN"'), Message.of("/m/4", 0.1, "b"))
    first, second = await watcher.next(), await watcher.next()
    assert (first.topic, first.payload) == ('desk/4/gain"', b'{"db": 0.0, "text": "GAIN\\" true"}')
    assert (second.topic, second.payload) == ("desk/5/b", b'{"db": -20.0, "text": "b false"}')


async def test_topic_and_payload_know_let_and_variables(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "desk/#")
    keys = """topic = 'desk/{= name}/{= var.page}', payload = '{"db": {= db}, "raw": {= x}}'"""
    steps = "let = { db = 'x * 2', name = 'lower(y)' }\nset = { page = 'var.page + 1' }\n"
    bridge = await start(broker, more=f"{route(keys)}{steps}[variables]\npage = 1\n")
    bridge.send(Message.of("/m/3", 1.5, "A"), Message.of("/m/3", 2.5, "B"))
    first, second = await watcher.next(), await watcher.next()
    assert (first.topic, first.payload) == ("desk/a/2", b'{"db": 3.0, "raw": 1.5}')
    assert (second.topic, second.payload) == ("desk/b/3", b'{"db": 5.0, "raw": 2.5}')


async def test_failing_expression_drops_the_message(
    broker: Any, start: Any, watch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = await watch(broker, "desk/#")
    keys = "topic = 'desk/{= 12 // x}', payload = '{= y}'"
    bridge = await start(broker, more=route(keys))
    bridge.send(Message.of("/m/1", 0, 1), Message.of("/m/1", 3), Message.of("/m/1", 4, 5))
    assert (await watcher.next())[:2] == ("desk/3", b"5")
    await until(lambda: bridge.drops == {"expression": 2})
    assert "/m/1: '12 // x' failed: division by zero (x = 0)" in caplog.text


@pytest.mark.parametrize("topic", ["desk/{= 'a/+'}", "desk/{= '#'}", "{= '$share/a/b'}"])
async def test_expression_cannot_make_an_invalid_topic(
    broker: Any, start: Any, watch: Any, topic: str
) -> None:
    watcher = await watch(broker, "ok", "desk/#")
    bridge = await start(broker, more=route(f'topic = "{topic}"') + route("topic = 'ok'"))
    bridge.send(Message.of("/m/1", 1))
    assert (await watcher.next()).topic == "ok"
    await until(lambda: bridge.drops == {"bad": 1})


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("topic = 'a/{= m}'", "unknown name 'm'"),
        ("payload = '{= x +}'", "at position"),
        (
            "topic = 'a/{= x}', homeassistant = { component = 'sensor', name = 'a' }",
            "the topic identifies the entity; remove arguments from it",
        ),
        (
            "topic = 'a', homeassistant = { component = 'sensor', name = 'a {= x}' }",
            "an entity is announced before messages",
        ),
    ],
)
def test_invalid_expression_is_a_problem(keys: str, text: str) -> None:
    around = "[bridge.osc]\n[endpoint.mqtt]\ntype = 'mqtt'\nbroker = 'mqtt://127.0.0.1:1'\n"
    with pytest.raises(ConfigurationError) as failed:
        read_routes(around + route(keys))
    assert text in str(failed.value)
