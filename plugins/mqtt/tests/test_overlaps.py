"""Subscriptions with common topics, at real brokers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from oscbridge_mqtt.options import MQTTOptions
from oscbridge_mqtt.overlaps import SubscriptionPlan, covers, overlapping_pairs

VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


async def _received(bridge: Any, watcher: Any, topics: dict[str, str]) -> list[Any]:
    """All messages that the bridge receives, up to one that is published last."""
    for topic, payload in topics.items():
        watcher.publish(topic, payload)
    # With QoS 1 the copies for all subscriptions have arrived before those of the last message.
    watcher.publish("end", "0")
    found: list[Any] = []
    while (message := await bridge.next()).address != "/end":
        found.append(message[:3])
    await asyncio.sleep(0.1)  # further copies of the last message
    assert bridge.received.empty()
    return found


@VERSIONS
@pytest.mark.parametrize(
    ("subscribe", "topic", "expected"),
    [
        ('"lights/#", "lights/+/set"', "lights/7/set", [("/lights/7/set", "i", (1,))]),
        ('"lights/#", {topic="lights/+/set", types="f"}', "lights/7/set",
         [("/lights/7/set", "f", (1.0,))]),
        ('{topic="lights/+/set", types="f"}, "lights/#"', "lights/7/set",
         [("/lights/7/set", "f", (1.0,))]),
        ('"#", "lights/#", "lights/+/set", {topic="lights/7/set", types="h"}', "lights/7/set",
         [("/lights/7/set", "h", (1,))]),
        ('{topic="a/+/c", types="f"}, {topic="a/b/+", types="s"}', "a/b/c",
         [("/a/b/c", "s", ("1",))]),
        ('"a/#", {topic="a/+", address="/x/{1}"}', "a/b",
         [("/a/b", "i", (1,)), ("/x/b", "i", (1,))]),
        ('"a/#", {topic="a/+", address="/a/{1}", types="f"}', "a/b", [("/a/b", "f", (1.0,))]),
        ('{topic="a/#", qos=0}, {topic="a/+", qos=2, types="f"}', "a/b", [("/a/b", "f", (1.0,))]),
        ('{topic="a/#", qos=2}, {topic="a/+", qos=0, types="f"}', "a/b", [("/a/b", "f", (1.0,))]),
        ('"$share/g/a/#", {topic="a/+", types="f"}', "a/b", [("/a/b", "f", (1.0,))]),
        ('"a/#", {topic="$share/g/a/+", types="f"}', "a/b", [("/a/b", "i", (1,))]),
        ('"a/#", "a"', "a", [("/a", "i", (1,))]),
        ('"$share/g/a/#", "$share/g/a/+"', "a/b", [("/a/b", "i", (1,))]),
        ('"$share/g/a/#", "$share/h/a/#"', "a/b", [("/a/b", "i", (1,))]),
    ],
)  # fmt: skip
async def test_message_of_overlapping_subscriptions_is_received_once_per_address(
    broker: Any, start: Any, watch: Any, version: str, subscribe: str, topic: str, expected: Any
) -> None:
    subscribe = subscribe if '"#"' in subscribe else subscribe + ', "end"'
    bridge = await start(broker, f'version = "{version}"\nsubscribe = [{subscribe}]')
    watcher = await watch(broker)
    assert sorted(await _received(bridge, watcher, {topic: "1"})) == expected


@VERSIONS
async def test_equal_messages_of_shared_subscriptions_are_all_received(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    subscribe = 'subscribe = ["$share/g/a/#", "$share/h/a/+", "end"]'
    bridge = await start(broker, f'version = "{version}"\n{subscribe}')
    watcher = await watch(broker)
    for _ in range(5):
        watcher.publish("a/b", "1")
    assert await _received(bridge, watcher, {}) == [("/a/b", "i", (1,))] * 5


@VERSIONS
async def test_retained_message_of_overlapping_subscriptions_is_received_once(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    watcher = await watch(broker, "a/b/c")
    watcher.publish("a/b/c", "1", retain=True)
    await watcher.get("a/b/c")
    bridge = await start(
        broker, f'version = "{version}"\nsubscribe = ["a/+/c", "a/b/+", "a/#", "end"]'
    )
    assert await _received(bridge, watcher, {}) == [("/a/b/c", "i", (1,))]


@VERSIONS
async def test_retained_message_follows_the_more_specific_subscription(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    watcher = await watch(broker, "a/#")
    for topic in ("a/b", "a/set"):
        watcher.publish(topic, "1", retain=True)
        await watcher.get(topic)
    bridge = await start(
        broker,
        f'version = "{version}"\n'
        'subscribe = ["a/#", {topic = "a/set", retained = "ignore"}, "end"]',
    )
    assert await _received(bridge, watcher, {}) == [("/a/b", "i", (1,))]


@VERSIONS
async def test_command_within_a_subscription_is_received_once(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    entity = 'mqtt = {homeassistant = {component = "number", name = "Level"}}'
    for subscribe in ('"level/#"', '"$share/g/level/#"'):
        bridge = await start(
            broker,
            f'client_id = "c"\nversion = "{version}"\nsubscribe = [{subscribe}, "end"]',
            f'[[route]]\nfrom = "osc"\nmatch = "/level"\nto = "mqtt"\n{entity}\n',
        )
        watcher = await watch(broker)
        assert await _received(bridge, watcher, {"level/set": "0.5"}) == [("/level", "f", (0.5,))]
        await bridge.stop()


async def test_included_subscription_is_not_sent_with_mqtt_3(
    start_broker: Any, start: Any, watch: Any
) -> None:
    broker = await start_broker("log_type subscribe")
    subscribe = '{topic = "a/#", qos = 0}, {topic = "a/+", qos = 2, types = "f"}, "end"'
    bridge = await start(broker, f'version = "3.1.1"\nsubscribe = [{subscribe}]')
    watcher = await watch(broker)
    assert await _received(bridge, watcher, {"a/b": "1"}) == [("/a/b", "f", (1.0,))]
    log = broker.log_file.read_text()
    assert " 2 a/#" in log
    assert "a/+" not in log


async def test_rejected_subscription_does_not_silence_the_broader_one(
    start_broker: Any, start: Any, watch: Any, tmp_path: Any
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite #\ntopic deny a/+\n")
    broker = await start_broker(f"acl_file {acl}")
    bridge = await start(broker, 'subscribe = ["a/#", {topic = "a/+", types = "f"}, "end"]')
    watcher = await watch(broker)
    assert await _received(bridge, watcher, {"a/b/c": "1"}) == [("/a/b/c", "i", (1,))]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("lights/# lights/+/set", "lights/+/set lights/#"),
        ("a/+/c a/b/+", "a/b/+ a/+/c"),
        ("a/# a", "a a/#"),
        ("a/b/# a/+", "a/b/# a/+"),
        ("a/b/# a/c/+", ""),
        ("+/a a/#", "a/# +/a"),
        ("$SYS/# #", ""),
        ("$share/g/a/# a/b", "a/b $share/g/a/#"),
        ("a/b a/c", ""),
        ("+ a/#", "a/# +"),
    ],
)
def test_overlapping_pairs_have_the_one_that_applies_first(filters: str, expected: str) -> None:
    options = MQTTOptions.model_validate({"subscribe": filters.split()})
    pairs = overlapping_pairs(options.subscribe)
    assert " ".join(one.topic for pair in pairs for one in pair) == expected


@pytest.mark.parametrize(
    ("broad", "narrow", "expected"),
    [
        ("a/#", "a/+/c", True),
        ("a/#", "a", True),
        ("a/+", "a/#", False),
        ("#", "$SYS/x", False),
        ("a/+/c", "a/b/+", False),
        ("+/+", "a/b", True),
        ("a/b", "a/b/c", False),
    ],
)
def test_filter_covers_another_if_it_matches_all_its_topics(
    broad: str, narrow: str, expected: bool
) -> None:
    assert covers(broad, narrow) is expected


def test_overlaps_are_explained_by_check() -> None:
    subscribe = ["a/#", {"topic": "a/+", "address": "/x/{1}"}, {"topic": "a/b", "types": "f"}, "c"]
    options = MQTTOptions.model_validate({"subscribe": subscribe})
    text = "subscribe: 'a/+' and 'a/#' overlap: a message for both is received "
    assert options.config_warnings() == [
        text + "once for each address",
        text.replace("a/+", "a/b") + "once, with the options of 'a/b'",
        text.replace("a/+", "a/b").replace("a/#", "a/+") + "once for each address",
    ]


def test_subscription_identifiers_do_not_depend_on_the_order() -> None:
    plans = []
    for filters in (["a/#", "a/+", "b"], ["b", "a/+", "c/d", "a/#"]):
        options = MQTTOptions.model_validate({"subscribe": filters})
        plans.append(SubscriptionPlan(options.subscribe))
        plans[-1].begin(True)
    assert [plans[0].identifier(topic) for topic in ("a/#", "a/+", "b")] == [
        plans[1].identifier(topic) for topic in ("a/#", "a/+", "b")
    ]
    assert plans[0].identifier("a/#") > 0 == plans[0].identifier("b")
