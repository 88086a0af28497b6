"""The add-on for Home Assistant: built from its folder alone, started as the Supervisor does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine import Container, Engine
from ports import free_port

ROOT = Path(__file__).parents[2]
ADD_ON = ROOT / "docker" / "home-assistant"
IMAGE = "oscbridge-add-on"


@pytest.fixture(scope="module")
def add_on(engine: Engine, image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its image. ``image`` has the same first steps."""
    assert image
    folder = tmp_path_factory.mktemp("add-on") / "oscbridge"
    subprocess.run([sys.executable, ADD_ON / "assemble.py", folder], check=True)
    arguments = ("BUILD_VERSION=0.1.0", "BUILD_ARCH=amd64", "BUILD_FROM=unused")
    options = [f"--build-arg={each}" for each in arguments]
    engine.docker("build", "--tag", IMAGE, *options, str(folder))
    return IMAGE


@pytest.fixture
def start(engine: Engine, add_on: str, tmp_path: Path) -> Iterator[Callable[..., Container]]:
    """Starts it with options, and with folders that belong to root."""
    started: list[Container] = []
    for name in ("data", "config"):
        (tmp_path / name).mkdir()
    options = tmp_path / "data" / "options.json"

    def start(text: str, *more: str) -> Container:
        options.write_text(text)
        options.chmod(0o600)
        folders = [f"--volume={tmp_path / name}:/{name}" for name in ("data", "config")]
        started.append(engine.run(*folders, *more, add_on))
        return started[-1]

    yield start
    for container in started:
        container.remove()


def test_add_on_describes_itself(engine: Engine, add_on: str) -> None:
    labels = engine.docker("image", "inspect", "--format={{json .Config.Labels}}", add_on)
    for key, value in (("type", "addon"), ("version", "0.1.0"), ("arch", "amd64")):
        assert f'"io.hass.{key}":"{value}"' in labels


def test_add_on_writes_its_configuration_and_runs_without_privileges(
    start: Callable[..., Container],
    send: Callable[..., None],
    dashboard: Callable[..., Any],
    tmp_path: Path,
) -> None:
    osc, web = free_port(), free_port()
    ports = (f"--publish=127.0.0.1:{osc}:9000/udp", f"--publish=127.0.0.1:{web}:8080")
    container = start('{"log": "json", "plugins": []}', *ports)
    log = container.wait_for_log("Ctrl-C stops it")
    assert "oscbridge: wrote /config/oscbridge.toml\n" in log
    assert re.search(r"http +http://0\.0\.0\.0:8099", log)
    assert re.search(r"^Uid:(\s+10001){4}$", container.execute("cat", "/proc/1/status"), re.M) or (
        "10001" in container.execute("sh", "-c", "cat /proc/[0-9]*/status | grep Uid")
    )
    client = dashboard(web)
    send(osc, "/fader", 0.5)
    assert client.message() == ("/fader", 0.5)
    container.wait_until_healthy()
    file = tmp_path / "config" / "oscbridge.toml"
    assert file.read_text() == (ADD_ON / "oscbridge.toml").read_text()
    assert (file.stat().st_uid, (tmp_path / "data/oscbridge").stat().st_uid) == (10001, 10001)


def test_configuration_and_state_are_kept(
    engine: Engine, start: Callable[..., Container], tmp_path: Path
) -> None:
    container = start("{}")
    container.wait_for_log("#token=")
    token = tmp_path / "data" / "oscbridge" / "control-room-token"
    before = token.read_text()
    file = tmp_path / "config" / "oscbridge.toml"
    file.write_text(file.read_text() + "# mine\n")
    engine.docker("stop", container.name)
    container = start("{}")
    container.wait_for_log("Ctrl-C stops it")
    assert "# mine" in file.read_text()
    assert token.read_text() == before
    engine.docker("stop", container.name)
    assert container.wait_until_ended() == 0
