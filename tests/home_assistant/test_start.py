"""The start of the add-on: its options, the broker of Home Assistant, the first configuration."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from add_on import find_broker, first_configuration, read_options, variables
from http_server import QuietHandler, http_server

from oscbridge.bridge.config.config import parse
from oscbridge.plugins.manager import Plugins

FOLDER = Path(__file__).parents[2] / "docker" / "home-assistant"
TOKEN = "supervisor-token"
BROKER = {
    **{"host": "core-mosquitto", "port": 1883, "ssl": False, "protocol": "3.1.1"},
    **{"username": 'addons"', "password": "secret"},
}


@contextmanager
def supervisor(status: int, answer: object) -> Iterator[str]:
    """The Supervisor's address for services. It answers requests with the token."""

    class Handler(QuietHandler):
        def get(self) -> None:
            is_right = self.headers["Authorization"] == f"Bearer {TOKEN}"
            assert self.path == "/services/mqtt"
            body = json.dumps(answer).encode()
            self.answer(body, "application/json", status if is_right else 401)

    with http_server(Handler) as port:
        yield f"http://127.0.0.1:{port}"


def test_broker_is_that_of_home_assistant() -> None:
    with supervisor(200, {"result": "ok", "data": BROKER}) as url:
        assert find_broker(url, TOKEN) == BROKER
        assert find_broker(url, "wrong") is None


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, {"result": "error", "message": "Service not enabled"}),
        (200, {"result": "ok", "data": {}}),
        (200, {"result": "ok"}),
        (200, ["nonsense"]),
        (200, "nonsense"),
    ],
)
def test_without_a_broker_the_reason_is_logged(
    status: int, answer: object, capsys: pytest.CaptureFixture[str]
) -> None:
    with supervisor(status, answer) as url:
        assert find_broker(url, TOKEN) is None
    assert find_broker(url, TOKEN) is None  # it is gone
    assert "oscbridge: Home Assistant offers no MQTT broker: " in capsys.readouterr().err


@pytest.mark.parametrize("is_anonymous", [False, True])
def test_first_configuration_with_a_broker_is_valid(
    is_anonymous: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = BROKER | ({"username": "", "password": ""} if is_anonymous else {})
    for name, value in variables({}, broker).items():
        monkeypatch.setenv(name, value)
    text = first_configuration(FOLDER, broker)
    found = parse(text, Plugins().endpoint_types, "oscbridge.toml")
    assert {"web", "house"} <= set(found.endpoints)
    house = tomllib.loads(text)["endpoint"]["house"]
    assert house["broker"] == "mqtt://core-mosquitto:1883"
    assert ("username" in house) is ("password" in house) is not is_anonymous
    assert is_anonymous or house["username"] == 'addons"'
    assert "secret" not in text


def test_entity_in_the_first_configuration_is_valid_once_it_is_uncommented(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "secret")
    lines = first_configuration(FOLDER, BROKER).splitlines()
    begin = lines.index("# [[route]]")
    lines[begin : begin + 5] = [each.removeprefix("# ") for each in lines[begin : begin + 5]]
    found = parse("\n".join(lines), Plugins().endpoint_types, "oscbridge.toml")
    assert len(found.routes) == 3


def test_first_configuration_without_a_broker_is_valid() -> None:
    text = first_configuration(FOLDER, None)
    found = parse(text, Plugins().endpoint_types, "oscbridge.toml")
    assert "web" in found.endpoints
    assert "house" not in found.endpoints


def test_options_become_variables(tmp_path: Path) -> None:
    file = tmp_path / "options.json"
    file.write_text('{"log": "json", "plugins": ["oscbridge-lamp==1.2", "oscbridge-x"]}')
    found = variables(read_options(file), None)
    assert found["OSCBRIDGE_PLUGINS"] == "oscbridge-lamp==1.2 oscbridge-x"
    assert "MQTT_PASSWORD" not in found
    assert "OSCBRIDGE_PLUGINS" not in variables({"plugins": []}, None)


@pytest.mark.parametrize("text", [None, "{", "[1]"])
def test_options_that_cannot_be_read_are_defaults(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "options.json"
    if text is not None:
        file.write_text(text)
    assert read_options(file) == {}
