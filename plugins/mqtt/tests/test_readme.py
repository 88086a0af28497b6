"""The README agrees with the code."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import oscbridge
from oscbridge.testing import check_configuration, free_port, until
from oscbridge_mqtt import (
    batch,
    connection,
    echo,
    entities,
    payload,
    subscriptions,
    topic,
)
from oscbridge_mqtt.endpoint import MQTTEndpoint
from oscbridge_mqtt.entity_options import Entity
from oscbridge_mqtt.options import MQTTOptions, MQTTRoute, Subscription

README = (Path(__file__).parent.parent / "README.md").read_text()

TABLES: list[tuple[str, type[oscbridge.Options]]] = [
    ("| key |", MQTTOptions),
    ("| key in a route |", MQTTRoute),
    ("| key of a subscription |", Subscription),
    ("| key of `homeassistant` |", Entity),
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("sample", blocks("toml"))
def test_sample_configurations_are_valid(
    sample: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "secret")
    for name in ("ca.pem", "bridge.pem", "bridge.key"):
        (tmp_path / name).touch()
    endpoints = check_configuration(sample, tmp_path)
    assert any(isinstance(options, MQTTOptions) for options in endpoints.values())


def default_of(model: type[oscbridge.Options], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return ""
    if field.default is None:
        return "none"
    if name == "broker":
        return f"`{json.dumps(str(field.default[0]))}`"
    return f"`{json.dumps(field.default)}`"


@pytest.mark.parametrize(
    ("head", "name", "default"),
    [
        (head, name, default_of(model, name))
        for head, model in TABLES
        for name in model.model_fields
    ],
)
def test_tables_list_every_key_with_its_default(head: str, name: str, default: str) -> None:
    table = README.partition(head)[2].partition("\n\n")[0]
    assert f"| `{name}` | {default}".rstrip() + " |" in table


@pytest.mark.parametrize(("head", "model"), TABLES)
def test_tables_list_no_unknown_keys(head: str, model: type[oscbridge.Options]) -> None:
    table = README.partition(head)[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(model.model_fields)


BOUNDS = [
    f"over {topic.MAX_TOPIC:,} bytes",
    f"on `lamp`, {payload.MAX_MEMBERS} at most",
    f"remembers for {echo.ECHO_SECONDS:g} s",
    f"{echo.MAX_ECHOES:,} messages at most",
    f"does not answer for {connection.CONNACK_TIMEOUT:g} s",
    f"acknowledges nothing for {batch.ACK_TIMEOUT:g} s",
    f"tried again every {subscriptions.RESUBSCRIBE:g} s",
    f"There are {entities.MAX_ENTITIES:,} at most",
]


@pytest.mark.parametrize("text", BOUNDS)
def test_limits_in_the_text_are_those_of_the_code(text: str) -> None:
    assert text in README


async def test_first_steps_work_unchanged(broker: Any, tmp_path: Path) -> None:
    udp = free_port()

    def here(text: str) -> str:
        return text.replace("1883", str(broker.port)).replace("127.0.0.1:9000", f"127.0.0.1:{udp}")

    file = tmp_path / "house.toml"
    file.write_text(here(blocks("toml")[0]))
    look, send = here(blocks("sh")[1]).splitlines()
    [shown] = blocks("text")
    program = str(Path(sys.executable).with_name("oscbridge"))
    log = broker.folder / "log"
    with (
        subprocess.Popen([program, "run", file], stdout=subprocess.DEVNULL) as bridge,
        subprocess.Popen([*shlex.split(look), "-C", "1"], stdout=subprocess.PIPE) as watcher,
    ):
        try:
            await until(lambda: log.read_bytes().count(b" as ") >= 2)
            command = [program, *shlex.split(send)[1:]]
            while watcher.poll() is None:  # until it has subscribed
                await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
            assert watcher.stdout is not None
            assert watcher.stdout.read().decode() == shown
        finally:
            watcher.kill()
            bridge.terminate()


async def test_plugin_is_discovered(broker: Any, start: Any) -> None:
    assert type((await start(broker)).endpoint) is MQTTEndpoint
