"""The first event of a new entity waits until Home Assistant has subscribed to it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from oscbridge import Message
from oscbridge.testing import until
from oscbridge_mqtt.entity_options import Entity
from oscbridge_mqtt.homeassistant import Announcement
from oscbridge_mqtt.new_events import EVENT_DELAY, NewEvents

ROUTE = """
[[route]]
from = "osc"
match = "/button/{n}"
to = "mqtt"
[route.mqtt]
homeassistant = { component = "event", name = "Button {n}", options = ["press", "release"] }
[[route]]
from = "osc"
match = "/fader"
to = "mqtt"
"""
ME = 'client_id = "me"'
DOCUMENT = "homeassistant/event/me/button_1/config"


async def test_subscriber_that_reads_the_document_first_gets_the_first_event(
    broker: Any, start: Any, watch: Any
) -> None:
    """As Home Assistant does it."""
    documents = await watch(broker, DOCUMENT)
    bridge = await start(broker, ME, ROUTE)
    bridge.send(Message.of("/button/1", 1), Message.of("/button/1", 0), Message.of("/fader", 1))
    topic = orjson.loads((await documents.next()).payload)["state_topic"]
    events = await watch(broker, topic)
    names = [orjson.loads((await events.next()).payload)["event_type"] for _ in range(2)]
    assert names == ["press", "release"]
    assert (bridge.status.sent, bridge.status.offered) == (3, 3)


async def test_event_of_an_entity_that_the_broker_knows_does_not_wait(
    broker: Any, start: Any, watch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    documents = await watch(broker, DOCUMENT)
    first = await start(broker, ME, ROUTE)
    first.send(Message.of("/button/1", 1))
    await documents.next()
    await first.stop()
    caplog.clear()
    bridge = await start(broker, f"{ME}\nqos = 1", ROUTE)
    events = await watch(broker, "button/1")
    bridge.send(Message.of("/fader", 1))
    # The broker sends the documents that it has before it acknowledges this.
    await until(lambda: bridge.status.sent == 1)
    bridge.send(Message.of("/button/1", 1))
    await events.next()
    assert "waits" not in caplog.text


def test_only_events_wait_and_only_once() -> None:
    now = 100.0
    new = NewEvents(lambda: now)
    event, sensor = entity("event"), entity("sensor")
    for each in (event, sensor):
        new.announced(each)
    assert (new.wait(event), new.wait(sensor), new.wait(None)) == (EVENT_DELAY, 0.0, 0.0)
    now += 0.75
    new.announced(event)  # again, after a reconnection
    assert new.wait(event) == EVENT_DELAY - 0.75
    now += 0.75
    assert new.wait(event) == 0.0
    new.removed(event.topic)
    new.announced(event)
    assert new.wait(event) == EVENT_DELAY


def entity(component: str) -> Announcement:
    options = ["press"] if component == "event" else []
    described = Entity(component=component, name="x", options=options)
    return Announcement(f"homeassistant/{component}/me/x/config", b"{}", None, described)
