"""The first lines of ``oscbridge run``: how others reach the bridge, and missing parts."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from oscbridge.cli.banner import place_without_address, reachable_places
from oscbridge.net.url import OSCURL

Start = Callable[..., Any]
Write = Callable[..., str]

OWN = ["192.168.1.20", "10.0.0.5", "fd00::5"]


def banner_of(arguments: list[str], environment: dict[str, str]) -> str:
    """What a Python program prints until its bridge is ready; it is ended then."""
    with subprocess.Popen(
        [sys.executable, "-u", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        shown = ""
        while "Ctrl-C stops it" not in shown and (text := process.stdout.readline()):
            shown += text
        process.terminate()
    return shown


def places(**listening: str) -> list[str]:
    return reachable_places({name: OSCURL.parse(url) for name, url in listening.items()}, OWN)


def test_wildcard_address_is_shown_as_the_addresses_of_this_machine() -> None:
    assert places(a="udp://0.0.0.0:9000") == [
        "192.168.1.20 port 9000 (UDP), e.g. in TouchOSC",
        "10.0.0.5 port 9000 (UDP), e.g. in TouchOSC",
    ]


def test_both_families_are_shown_where_the_bridge_listens_on_both() -> None:
    assert [each.split()[0] for each in places(a="udp://[::]:9000")] == OWN


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_bridge_on_loopback_has_no_place_for_devices(host: str) -> None:
    assert places(a=f"udp://{host}:9000") == []


def test_one_address_and_several_bridges_are_named() -> None:
    assert places(a="udp://10.0.0.5:9000", b="tcp+auto://0.0.0.0:9001", c="udp://127.0.0.1:1") == [
        "10.0.0.5 port 9000 (UDP), e.g. in TouchOSC; bridge a",
        "192.168.1.20 port 9001 (TCP), e.g. in TouchOSC; bridge b",
        "10.0.0.5 port 9001 (TCP), e.g. in TouchOSC; bridge b",
    ]


def test_run_shows_where_devices_send_to(start: Start, write: Write) -> None:
    program = start("run", write('[bridge.a]\nlisten = "udp://0.0.0.0:0"\n'))
    program.wait_for("Ctrl-C stops it")
    port = re.search(r"bridge +a +udp://0\.0\.0\.0:(\d+)", program.output)
    assert port
    for line in re.findall(r"^  devices  .*", program.output, re.MULTILINE):
        assert re.search(rf" port {port[1]} \(UDP\), e\.g\. in TouchOSC$", line)


NO_ADDRESS = """
import sys
import oscbridge.cli.banner as banner
banner.own_addresses = list
from oscbridge.cli import main
sys.argv = ["oscbridge", "run", sys.argv[1]]
main()
"""


def test_run_says_where_devices_send_to_if_it_finds_no_address(
    environment: dict[str, str], write: Write
) -> None:
    file = write('[bridge.a]\nlisten = "udp://0.0.0.0:0"\n')
    shown = banner_of(["-c", NO_ADDRESS, file], environment)
    assert re.search(r"^  devices   the address of this computer, port \d+ \(UDP\); ", shown, re.M)


def test_place_without_an_address_names_the_extra_that_finds_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> list[object]:
        raise ImportError

    def unreadable() -> list[object]:
        raise PermissionError

    url = OSCURL.parse("udp://0.0.0.0:9000")
    place = "the address of this computer, port 9000 (UDP)"
    monkeypatch.setattr("oscbridge.cli.banner.list_interfaces", missing)
    hint = 'to see it: pip install "oscbridge[discovery]"'
    assert place_without_address(url) == f"{place}; {hint}"
    monkeypatch.setattr("oscbridge.cli.banner.list_interfaces", list)
    assert place_without_address(url) == f"{place}; it is in no network now"
    monkeypatch.setattr("oscbridge.cli.banner.list_interfaces", unreadable)
    assert place_without_address(url) == place


WITHOUT_PLUGINS = """
import sys
from importlib import metadata
found = metadata.entry_points
metadata.entry_points = lambda **how: [
    each for each in found(**how) if each.name not in {hidden!r}
]
import oscbridge.plugins
oscbridge.plugins.entry_points = metadata.entry_points
from oscbridge.bridge.config import config
import oscbridge.cli.running as run
for port in ("9000", "8080", "9180"):
    run.DEFAULT = run.DEFAULT.replace(port, "0")
from oscbridge.cli import main
sys.argv = ["oscbridge", "run"]
main()
"""


@pytest.mark.parametrize(
    ("hidden", "line"),
    [
        (("ui",), 'the control room: pip install "oscbridge[ui]"'),
        (("websocket",), 'pages of your own: pip install "oscbridge[websocket]"'),
        (
            ("ui", "websocket"),
            'the control room and pages of your own: pip install "oscbridge[ui,websocket]"',
        ),
    ],
)
def test_run_says_which_plugins_are_missing(
    hidden: tuple[str, ...], line: str, environment: dict[str, str], tmp_path: Any
) -> None:
    environment["HOME"] = str(tmp_path)
    environment.pop("XDG_CONFIG_HOME", None)
    shown = banner_of(["-c", WITHOUT_PLUGINS.format(hidden=hidden)], environment)
    assert f"  missing   {line}\n" in shown
