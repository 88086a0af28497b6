"""Home Assistant entities across reloads, restarts and reconnects."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import orjson
import pytest

import oscbridge
from oscbridge import Message
from oscbridge.testing import check_configuration, until

ME = 'client_id = "me"'
KEPT = ("persistence true", "autosave_interval 1", "autosave_on_changes true")


def route(match: str, topic: str = "", name: str = "It", more: str = "") -> str:
    own = f'topic = "{topic}", ' if topic else ""
    more += "" if "max" in more else ", max = 100.0"
    entity = f'{{ component = "number", name = "{name}"{more} }}'
    return (
        f'[[route]]\nfrom = "osc"\nmatch = "{match}"\nto = "mqtt"\n'
        f"mqtt = {{ {own}homeassistant = {entity} }}\n"
    )


def document(name: str) -> str:
    return f"homeassistant/number/me/{name}/config"


async def retained_documents(broker: Any, watch: Any) -> set[str]:
    """The topics of the documents that the broker has retained."""
    watcher = await watch(broker, "homeassistant/#")
    watcher.publish("homeassistant/end", "")
    topics = set()
    while (seen := await watcher.next()).topic != "homeassistant/end":
        topics.add(seen.topic)
    return topics


async def documents_of(broker: Any, watch: Any, *names: str) -> None:
    """Wait until the broker has retained exactly these."""
    async with asyncio.timeout(15):
        while await retained_documents(broker, watch) != {document(name) for name in names}:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "routes",
    [
        route("/a/*", "same"),
        route("/a/1", "same", "One") + route("/a/2", "same", "Two"),
        route("/a/{n}", "same", "One") + route("/a/2", "same", "Two"),
    ],
    ids=["addresses", "routes", "captured and static"],
)
async def test_two_addresses_with_one_topic_do_not_announce_it_alternately(
    broker: Any, start: Any, watch: Any, routes: str
) -> None:
    watcher = await watch(broker, "#")
    bridge = await start(broker, ME, routes)
    for index in range(10):
        bridge.send(Message.of("/a/1", index), Message.of("/a/2", index + 0.5))
    documents = 0
    while (seen := await watcher.next()).payload != b"9.5":
        documents += seen.topic == document("same")
    assert documents <= 2


async def test_duplicate_entity_topic_is_reported(broker: Any, start: Any, caplog: Any) -> None:
    await start(broker, ME, route("/a", "same", "One") + route("/b", "same", "Two"))
    assert f"duplicate entity {document('same')}: another route has this topic" in caplog.text


async def test_reload_with_new_captures_changes_the_command_address(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "t/1")
    bridge = await start(broker, ME, route("/old/{n}", "t/{n}"))
    bridge.send(Message.of("/old/1", 1))
    await watcher.next()
    await bridge.reload(route("/new/{n}", "t/{n}"))
    bridge.send(Message.of("/new/1", 2))
    await watcher.next()
    watcher.publish("t/1/set", "3")
    assert (await bridge.next())[:3] == ("/new/1", "i", (3,))


async def test_queued_messages_do_not_restore_a_removed_entity(
    start_broker: Any, start: Any, watch: Any
) -> None:
    broker = await start_broker(*KEPT)
    bridge = await start(broker, ME, route("/a/{n}"))
    bridge.send(Message.of("/a/1", 1))
    await documents_of(broker, watch, "a_1")
    broker.end()
    await until(lambda: not bridge.status.connected)
    bridge.send(Message.of("/a/1", 2), Message.of("/a/2", 3))
    await until(lambda: bridge.status.queued + bridge.status.in_flight == 2)
    await bridge.reload(route("/b"))
    broker.start()
    await until(lambda: bridge.status.sent == 3)
    await documents_of(broker, watch, "b")


async def test_unfinished_removal_is_repeated_after_a_reconnect(
    start_broker: Any, start: Any, watch: Any
) -> None:
    broker = await start_broker(*KEPT)
    bridge = await start(broker, ME, route("/a") + route("/b"))
    await documents_of(broker, watch, "a", "b")
    broker.pause()
    await bridge.reload(route("/b"))
    broker.end(signal.SIGKILL)
    await until(lambda: not bridge.status.connected)
    broker.start()
    await documents_of(broker, watch, "b")


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_entities_of_an_earlier_start_are_removed(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    options = f'{ME}\nversion = "{version}"\nsubscribe = ["#"]'
    first = await start(broker, options, route("/a") + route("/m/{n}") + route("/x/{n}", "x/{n}"))
    first.send(Message.of("/m/1", 1), Message.of("/x/1", 1))
    await documents_of(broker, watch, "a", "m_1", "x_1")
    other = await watch(broker)
    foreign = "homeassistant/number/me/foreign/config"
    other.publish(foreign, '{"state_topic": "x", "origin": {"name": "other"}}', retain=True)
    await first.stop()
    second = await start(broker, options, route("/b") + route("/m/{n}", "m/{n}"))
    await documents_of(broker, watch, "b", "m_1", "foreign")
    await second.reload(route("/b"))
    await documents_of(broker, watch, "b", "foreign")
    assert not any("/number/" in each.address for each in _all(second))
    assert second.bad.total() == 0


def _all(bridge: Any) -> list[Message]:
    return [bridge.received.get_nowait() for _ in range(bridge.received.qsize())]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_resumed_session_delivers_commands(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    options = f'{ME}\nversion = "{version}"\nsession_expiry = 60'
    first = await start(broker, options, route("/master"))
    await first.stop()
    watcher = await watch(broker)
    watcher.publish("master/set", "0.5")
    await watcher.subscribe("any")  # the broker has the command
    bridge = await start(broker, options, route("/master"))
    assert (await bridge.next())[:3] == ("/master", "f", (0.5,))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("acl_file acl",), "rejected by the broker: Not authorized"),
        (
            ("max_packet_size 300",),
            "rejected by the broker: the broker accepts packets of at most 300 bytes",
        ),
    ],
)
async def test_rejected_document_is_reported_and_messages_are_delivered(
    tmp_path: Any, start_broker: Any, start: Any, watch: Any, caplog: Any,
    lines: tuple[str, ...], expected: str,
) -> None:  # fmt: skip
    (tmp_path / "broker0").mkdir()
    (tmp_path / "broker0" / "acl").write_text("topic readwrite a\ntopic write me/status\n")
    (tmp_path / "broker0" / "acl").chmod(0o644)
    broker = await start_broker(*lines)
    watcher = await watch(broker, "a")
    bridge = await start(broker, f"{ME}\nqos = 1", route("/a", name="x" * 200))
    await until(lambda: bridge.status.refused == 1)
    assert f"document {document('a')} {expected}" in caplog.text
    bridge.send(Message.of("/a", 5))
    assert (await watcher.next()).payload == b"5"
    assert bridge.status.connected


@pytest.mark.parametrize("key", ["min = -inf", "max = inf", "step = inf"])
def test_infinite_bound_is_rejected(key: str) -> None:
    text = '[bridge.osc]\nlisten = "udp://127.0.0.1:0"\n[endpoint.mqtt]\ntype = "mqtt"\n'
    with pytest.raises(oscbridge.ConfigurationError, match="finite"):
        check_configuration(text + route("/a", more=f", {key}"))


async def test_all_of_many_documents_are_announced(broker: Any, start: Any, watch: Any) -> None:
    names = [f"a{index}" for index in range(50)]
    await start(broker, ME, "".join(route(f"/{name}") for name in names))
    await documents_of(broker, watch, *names)
    watcher = await watch(broker, document("a0"))
    assert orjson.loads((await watcher.next()).payload)["state_topic"] == "a0"
