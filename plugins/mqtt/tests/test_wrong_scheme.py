"""URLs with the scheme of another port, and subscriptions that a version does not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from oscbridge_mqtt.options import MQTTOptions

VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


def tls_lines(certificates: Path, *, client: bool = False) -> list[str]:
    lines = [f"certfile {certificates}/server.pem", f"keyfile {certificates}/server.key"]
    if client:
        lines += [f"cafile {certificates}/ca.pem", "require_certificate true"]
    return lines


@VERSIONS
@pytest.mark.parametrize("client", [False, True], ids=["", "client certificate"])
@pytest.mark.parametrize("websocket", [False, True], ids=["tcp", "websocket"])
async def test_port_with_tls_is_named(
    start_broker: Any, start: Any, problem_of: Any, certificates: Path,
    version: str, client: bool, websocket: bool,
) -> None:  # fmt: skip
    broker = await start_broker(*tls_lines(certificates, client=client), websocket=websocket)
    plain, tls = ("ws", "wss") if websocket else ("mqtt", "mqtts")
    url = f"{plain}://127.0.0.1:{broker.port}"
    bridge = await start(url, f'version = "{version}"', connected=False)
    path = "/mqtt" if websocket else ""
    assert await problem_of(bridge) == (
        f"port {broker.port} of 127.0.0.1 is one with TLS; "
        f"set broker to {tls}://127.0.0.1:{broker.port}{path}"
    )


@VERSIONS
@pytest.mark.parametrize("websocket", [False, True], ids=["tcp", "websocket"])
async def test_port_without_tls_is_named(
    start_broker: Any, start: Any, problem_of: Any, version: str, websocket: bool
) -> None:
    broker = await start_broker(websocket=websocket)
    plain, tls = ("ws", "wss") if websocket else ("mqtt", "mqtts")
    url = f"{tls}://127.0.0.1:{broker.port}"
    bridge = await start(url, f'version = "{version}"', connected=False)
    path = "/mqtt" if websocket else ""
    assert await problem_of(bridge) == (
        f"port {broker.port} of 127.0.0.1 is one without TLS; "
        f"set broker to {plain}://127.0.0.1:{broker.port}{path}"
    )


async def test_port_without_tls_that_needs_a_password_is_named(
    start_broker: Any, start: Any, problem_of: Any
) -> None:
    broker = await start_broker("allow_anonymous false")
    bridge = await start(f"mqtts://127.0.0.1:{broker.port}", connected=False)
    assert "is one without TLS" in await problem_of(bridge)


def test_shared_subscription_with_mqtt_3_is_a_warning() -> None:
    options = {"subscribe": ["$share/g/a/#"], "version": "3.1.1"}
    (warning,) = MQTTOptions.model_validate(options).config_warnings()
    assert "a broker may grant a shared subscription and never deliver" in warning
    assert not MQTTOptions.model_validate({**options, "version": "5"}).config_warnings()
