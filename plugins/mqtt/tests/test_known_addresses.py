"""Home Assistant entities that are described by the known facts about their addresses."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from oscbridge import AddressInfo, ValueRange
from oscbridge_mqtt.entity_options import Entity

TOPIC = "homeassistant/{}/me/level/config"


def route(more: str = "", entity: str = "", component: str = "number") -> str:
    own = f'{{ component = "{component}", name = "Level"{entity} }}'
    return (
        f'[[route]]\nfrom = "osc"\nmatch = "/level"\nto = "mqtt"\n{more}\n'
        f'mqtt = {{ topic = "level", homeassistant = {own} }}\n'
    )


async def document(watcher: Any, component: str = "number") -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((await watcher.get(TOPIC.format(component))).payload)
    return found


async def test_range_of_a_scaled_value_is_that_of_the_entity(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "homeassistant/#")
    bridge = await start(broker, 'client_id = "me"', route("scale = [0, 1, 0, 127]"))
    found = await document(watcher)
    assert (found["min"], found["max"], found["step"]) == (0, 127, 1)
    assert found["oscbridge"]["type"] == "i"  # before the first message
    watcher.publish("level/set", "64")
    assert (await bridge.next())[:3] == ("/level", "i", (64,))


async def test_options_count_before_what_is_known(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "homeassistant/#")
    entity = ', max = 100.0, step = 0.5, unit = "%"'
    await start(broker, 'client_id = "me"', route("scale = [0, 1, 10, 127]", entity))
    found = await document(watcher)
    assert (found["min"], found["max"], found["step"]) == (10, 100, 0.5)
    assert found["unit_of_measurement"] == "%"


async def test_profile_of_a_device_describes_entities(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "homeassistant/#")
    device = '[endpoint.live]\ntype = "osc"\nto = "udp://127.0.0.1:9"\nprofile = "abletonosc"\n'
    tempo = 'from = "live"\nmatch = "/live/song/get/tempo"'
    more = route().replace('from = "osc"\nmatch = "/level"', tempo)
    await start(broker, 'client_id = "me"', device + more)
    found = await document(watcher)
    assert (found["min"], found["max"]) == (20, 999)
    assert found["unit_of_measurement"] == "bpm"


async def test_reload_with_another_range_announces_the_entity_again(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "homeassistant/#")
    bridge = await start(broker, 'client_id = "me"', route("scale = [0, 1, 0, 127]"))
    assert (await document(watcher))["max"] == 127
    await bridge.reload(route("scale = [0, 1, 0, 255]"))
    assert (await document(watcher))["max"] == 255


@pytest.mark.parametrize(
    ("component", "info", "expected"),
    [
        ("number", AddressInfo("/a", "f", (ValueRange(0, 9),)), {"min": 0.0, "max": 9.0}),
        ("number", AddressInfo("/a", "i", (ValueRange(0, 9),)), {"max": 9.0, "step": 1.0}),
        ("number", AddressInfo("/a", "f", (ValueRange(maximum=9),)), {"min": 0.0, "max": 9.0}),
        ("number", AddressInfo("/a", "f", (ValueRange(5, 5),)), {"min": 0.0, "max": 1.0}),
        ("number", AddressInfo("/a", "f", (ValueRange(0, float("inf")),)), {"max": 1.0}),
        ("number", AddressInfo("/a", "f", (None,)), {"max": 1.0}),
        ("number", AddressInfo("/a", "f", unit="gain.db"), {"unit": "dB"}),
        ("number", AddressInfo("/a", "f", unit="gain.db", curve="log"), {"unit": None}),
        ("sensor", AddressInfo("/a", "f", (ValueRange(0, 9),), "time.ms"), {"unit": "ms"}),
        ("sensor", AddressInfo("/a", "f", (ValueRange(0, 9),)), {"max": 1.0}),
        ("switch", AddressInfo("/a", "f", (ValueRange(0, 9),), "time.ms"), {"unit": None}),
    ],
)
def test_entity_takes_facts_that_it_can_use(
    component: Any, info: AddressInfo, expected: dict[str, object]
) -> None:
    found = Entity(component=component, name="It").with_facts(info)
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, None),
        ({"min": -60.0, "max": 10.0}, AddressInfo("", ranges=(ValueRange(-60, 10),))),
        ({"max": 10.0, "unit": "dB"}, AddressInfo("", ranges=(ValueRange(None, 10),), unit="dB")),
    ],
)
def test_entity_describes_its_addresses(keys: dict[str, Any], expected: AddressInfo | None) -> None:
    assert Entity(component="number", name="It", **keys).facts() == expected
