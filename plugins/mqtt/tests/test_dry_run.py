"""A dry run connects to the broker, and publishes nothing there."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from oscbridge import Message, encode_message
from oscbridge.testing import running_process

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"

[endpoint.house]
type      = "mqtt"
broker    = "mqtt://127.0.0.1:{port}"
subscribe = ["in/#"]
version   = "{version}"

[endpoint.seen]
type   = "osc"
to     = "udp://127.0.0.1:9"

[[route]]
from  = "stage"
match = "/lamp/{{name}}"
to    = "house"
mqtt  = {{ topic = "x/{{name}}", homeassistant = {{ component = "number", name = "{{name}}" }} }}

[[route]]
from = "house"
to   = "seen"
"""


@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["stop", "kill"])
async def test_dry_run_publishes_no_message_status_will_or_document(
    broker: Any, watch: Any, version: str, end: signal.Signals
) -> None:
    watcher = await watch(broker)
    await watcher.subscribe("#")
    text = CONFIGURATION.format(port=broker.port, version=version)
    with running_process(text, "--dry") as process:
        process.send("stage", encode_message(Message.of("/lamp/hall", 0.5)))
        await asyncio.to_thread(
            process.wait_for, r"endpoint\.house: dry run: would send /lamp/hall ,f 0\.5 topic="
        )
        watcher.publish("in/level", "3")  # it is a source all the same
        await asyncio.to_thread(
            process.wait_for, r"endpoint\.seen: dry run: would send /in/level ,i 3"
        )
        await asyncio.to_thread(process.stop, end)
    watcher.publish("last", "1")
    assert [(await watcher.next()).topic for _ in range(2)] == ["in/level", "last"]
