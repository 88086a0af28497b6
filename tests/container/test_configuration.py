"""Configuration of the container: mounted, by the environment, and its problems."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine import Container
from ports import free_port

from oscbridge.bridge.config.error_excerpt import is_excerpt

STAGE = '[bridge.stage]\nlisten = "udp://0.0.0.0:9000"\n'


def test_mounted_configuration_replaces_the_built_in_one(
    run: Callable[..., Container], mount: Callable[..., str]
) -> None:
    log = run(mount(STAGE)).wait_for_log("Ctrl-C stops it")
    assert "with /etc/oscbridge/oscbridge.toml" in log
    assert "nothing is mounted" not in log


def test_container_is_healthy_without_http_in_its_configuration(
    run: Callable[..., Container], mount: Callable[..., str]
) -> None:
    container = run(mount(STAGE))
    container.wait_until_healthy()
    assert "http://127.0.0.1:9180" in container.logs()


@pytest.mark.parametrize(
    "http",
    [
        '[http]\nlisten = "0.0.0.0:9180"\n',
        '[ "http" ]\nlisten = "0.0.0.0:9180"\n',
        'http.listen = "0.0.0.0:9180"\n',
        'http = { listen = "0.0.0.0:9180" }\n',
    ],
    ids=["table", "quoted", "dotted", "inline"],
)
def test_http_of_the_configuration_is_unchanged_in_every_notation(
    run: Callable[..., Container], mount: Callable[..., str], http: str
) -> None:
    container = run(mount(http + STAGE))
    assert "http://0.0.0.0:9180" in container.wait_for_log("Ctrl-C stops it")


def test_health_port_can_be_changed(
    run: Callable[..., Container], mount: Callable[..., str]
) -> None:
    run(mount(STAGE), "--env=OSCBRIDGE__HTTP__LISTEN=0.0.0.0:9999").wait_until_healthy()


def test_setting_is_read_from_the_environment(
    run: Callable[..., Container],
    mount: Callable[..., str],
    dashboard: Callable[..., Any],
    send: Callable[..., None],
) -> None:
    osc, web = free_port(), free_port()
    container = run(
        mount(STAGE),
        f"--publish=127.0.0.1:{osc}:7000/udp",
        f"--publish=127.0.0.1:{web}:7001",
        "--env=OSCBRIDGE__BRIDGE__STAGE__LISTEN=udp://0.0.0.0:7000",
        "--env=OSCBRIDGE__ENDPOINT__WEB__TYPE=websocket",
        "--env=OSCBRIDGE__ENDPOINT__WEB__LISTEN=0.0.0.0:7001",
        "--env=OSCBRIDGE__ENDPOINT__WEB__MAX_CONNECTIONS=3",
    )
    client = dashboard(web)
    send(osc, "/there", 1)
    assert client.message() == ("/there", 1)
    assert "settings from the environment: " in container.logs()


def test_run_takes_options_and_still_finds_the_configuration(
    run: Callable[..., Container], mount: Callable[..., str]
) -> None:
    container = run(mount(STAGE), args=("run", "--log", "json", "--verbose"))
    assert "with /etc/oscbridge/oscbridge.toml" in container.wait_for_log("Ctrl-C stops it")


@pytest.mark.parametrize(
    ("text", "mode", "error"),
    [
        (
            STAGE.replace("listen", "lisen"),
            0o644,
            "error: /etc/oscbridge/oscbridge.toml: bridge.stage.lisen: unknown key; "
            "did you mean 'listen'?",
        ),
        ("no TOML", 0o644, "error: /etc/oscbridge/oscbridge.toml: not valid TOML: "),
        (
            STAGE,
            0o600,
            "oscbridge: /etc/oscbridge/oscbridge.toml cannot be read by user 10001: allow that",
        ),
    ],
    ids=["bad", "broken", "unreadable"],
)
def test_bad_file_ends_the_container_with_one_clear_line(
    run: Callable[..., Container], mount: Callable[..., str], text: str, mode: int, error: str
) -> None:
    container = run(mount(text, mode))
    assert container.wait_until_ended() != 0
    line, *rest = container.logs().splitlines()
    assert all(is_excerpt(each) for each in rest)
    assert line.startswith(error)


def test_bad_variable_ends_the_container_with_one_clear_line(
    run: Callable[..., Container], mount: Callable[..., str]
) -> None:
    container = run(mount(STAGE), "--env=OSCBRIDGE__BRIDGE__STAGE__MODE=quick")
    assert container.wait_until_ended() != 0
    (line,) = container.logs().splitlines()
    assert "bridge.stage.mode = 'quick'" in line
    assert line.endswith("(from OSCBRIDGE__BRIDGE__STAGE__MODE)")


def test_file_of_another_name_is_not_mistaken_for_a_missing_configuration(
    run: Callable[..., Container], mount: Callable[..., str]
) -> None:
    container = run(mount(STAGE).replace("/oscbridge/oscbridge.toml", "/oscbridge/oscbrige.toml"))
    assert container.wait_until_ended() != 0
    assert "did you mean 'oscbrige.toml'?" in container.logs()


def test_missing_file_is_named(run: Callable[..., Container], tmp_path: Path) -> None:
    container = run(f"--volume={tmp_path}/studio.toml:/etc/oscbridge/oscbridge.toml:ro")
    assert container.wait_until_ended() == 1
    (line,) = container.logs().splitlines()
    assert "oscbridge.toml is a folder: Docker makes one" in line


def test_unreadable_folder_is_not_mistaken_for_a_missing_configuration(
    run: Callable[..., Container], tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    container = run(f"--volume={tmp_path}:/etc/oscbridge:ro")
    assert container.wait_until_ended() == 1
    assert "oscbridge.toml cannot be read by user 10001" in container.logs()


def test_port_in_use_ends_the_container_with_one_clear_line(
    run: Callable[..., Container], mount: Callable[..., str]
) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"udp://127.0.0.1:{taken.getsockname()[1]}"
        # A restart of the container does not heal it; the policy of the compose file ends that.
        container = run(
            mount(f'[bridge.stage]\nlisten = "{address}"\n'),
            *("--network=host", "--env=OSCBRIDGE__HTTP__LISTEN=127.0.0.1:0"),
            "--restart=on-failure:2",
        )
        assert container.wait_until_ended() != 0
        assert container.inspect(".RestartCount") == "2"
    lines = [each for each in container.logs().splitlines() if "error" in each.lower()]
    assert len(lines) == 3
    assert address in lines[0]
    assert "in use" in lines[0]
