"""The README agrees with the code."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import oscbridge
from oscbridge.testing import PluginReadme, check_configuration, free_port, until
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
from oscbridge_mqtt.options import MQTTOptions, MQTTRoute
from oscbridge_mqtt.subscription import Subscription

README = PluginReadme(Path(__file__).parent.parent / "README.md")

TABLES: list[tuple[str, type[oscbridge.Options]]] = [
    ("| key |", MQTTOptions),
    ("| key in a route |", MQTTRoute),
    ("| key of a subscription |", Subscription),
    ("| key of `homeassistant` |", Entity),
]


@pytest.mark.parametrize("sample", README.blocks("toml"))
def test_sample_configurations_are_valid(
    sample: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "secret")
    for name in ("ca.pem", "bridge.pem", "bridge.key"):
        (tmp_path / name).touch()
    endpoints = check_configuration(sample, tmp_path)
    assert any(isinstance(options, MQTTOptions) for options in endpoints.values())


@pytest.mark.parametrize(("head", "model"), TABLES)
def test_table_lists_every_key_with_its_default(head: str, model: type[oscbridge.Options]) -> None:
    README.check_options(head, model, defaults={"broker": '`"mqtt://127.0.0.1:1883"`'})


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
    assert text in README.text


async def test_first_steps_work_unchanged(broker: Any, tmp_path: Path) -> None:
    udp = free_port()

    def here(text: str) -> str:
        return text.replace("1883", str(broker.port)).replace("127.0.0.1:9000", f"127.0.0.1:{udp}")

    file = tmp_path / "house.toml"
    file.write_text(here(README.blocks("toml")[0]))
    look, send = here(README.blocks("sh")[1]).splitlines()
    [shown] = README.blocks("text")
    program = str(Path(sys.executable).with_name("oscbridge"))
    log = broker.log_file
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
