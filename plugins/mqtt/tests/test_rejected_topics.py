"""Topics at which brokers end the connection are rejected before they are sent."""

from __future__ import annotations

from typing import Any

import pytest

from oscbridge import Message
from oscbridge.testing import until

BAD_ADDRESSES = (
    "/" + "/".join("x" * 250),
    "/$share/group/a",
    "/$SYS/broker/a",
    "/$a",
)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("qos", [0, 1])
async def test_addresses_that_brokers_disconnect_for_are_counted_as_bad(
    broker: Any, start: Any, watch: Any, caplog: Any, version: str, qos: int
) -> None:
    watcher = await watch(broker, "end")
    bridge = await start(broker, f'version = "{version}"\nqos = {qos}')
    for address in BAD_ADDRESSES:
        bridge.send(Message.of(address, 1))
    bridge.send(Message.of("/end", 1))
    assert (await watcher.next()).payload == b"1"
    await until(lambda: bridge.status.sent == 1)
    assert bridge.drops == {"bad": len(BAD_ADDRESSES)}
    assert "not connected" not in caplog.text
    assert "a topic must have at most max_topic_levels = 200 levels, got 250" in caplog.text


@pytest.mark.parametrize("topic", ["{address}", "${0}/a", "{0}/a", "$other{0}/a"])
async def test_dollar_from_a_message_is_counted_as_bad(
    broker: Any, start: Any, watch: Any, topic: str
) -> None:
    watcher = await watch(broker, "#")
    route = f'[[route]]\nfrom = "osc"\nto = "mqtt"\nmqtt = {{ topic = "{topic}" }}'
    bridge = await start(broker, "", route)
    bridge.send(Message.of("/$SYS", "$share" if topic.startswith("{") else "share"))
    await until(lambda: bridge.drops["bad"] == 1)
    assert (await watcher.get(f"{bridge.endpoint.client_id}/status")).payload == b"online"
    assert bridge.status.connected


async def test_dollar_in_the_configuration_is_published(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "$aws/#")
    route = (
        '[[route]]\nfrom = "osc"\nmatch = "/{x}"\nto = "mqtt"\nmqtt = { topic = "$aws/things/{x}" }'
    )
    bridge = await start(broker, "", route)
    bridge.send(Message.of("/a", 1))
    assert (await watcher.next()).topic == "$aws/things/a"


async def test_max_topic_levels_is_configurable(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "a/b/c")
    bridge = await start(broker, "max_topic_levels = 3")
    bridge.send(Message.of("/a/b/c/d", 1), Message.of("/a/b/c", 2))
    assert (await watcher.next()).payload == b"2"
    await until(lambda: bridge.status.sent == 1)
    assert bridge.drops == {"bad": 1}
