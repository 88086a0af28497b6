"""Commands of the page that run once and end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from engine import Engine

ROOT = Path(__file__).parents[2]
STAGE = '[bridge.stage]\nlisten = "udp://0.0.0.0:9000"\n'


def test_dashboard_for_grafana_is_printed(engine: Engine, image: str) -> None:
    printed = engine.docker("run", "--rm", image, "grafana")
    assert printed == (ROOT / "oscbridge/cli/grafana.json").read_text()
    assert json.loads(printed)["panels"]


def test_mounted_file_is_checked(engine: Engine, image: str, mount: Callable[..., str]) -> None:
    check = ("check", "/etc/oscbridge/oscbridge.toml")
    printed = engine.docker("run", "--rm", mount(STAGE), image, *check)
    assert printed == f"{check[1]}: valid: 1 bridge, 0 endpoints, 0 routes\n"
    done = engine.call("run", "--rm", mount("[bridge.stage]\nlisen = 1"), image, *check)
    assert done.returncode == 2
    assert "did you mean 'listen'?" in done.stdout
