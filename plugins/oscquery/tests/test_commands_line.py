"""``oscbridge oscquery``: tree, get, listen, export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest
from click.testing import CliRunner, Result
from query_bridge import CONFIGURATION, PROFILE

import oscbridge
from oscbridge.testing import BridgeThread, check_configuration, free_port
from oscbridge_oscquery.cli import oscquery
from oscbridge_oscquery.host_info import HostInfo
from oscbridge_oscquery.look import base_url
from oscbridge_oscquery.profile_text import profile_text
from oscbridge_oscquery.tree_reader import MirroredNode
from oscbridge_oscquery.tree_text import node_line


@pytest.fixture
def bridge(tmp_path: Path, oscbridge_bridge: Callable[..., BridgeThread]) -> BridgeThread:
    profile = tmp_path / "mixer.toml"
    profile.write_text(PROFILE)
    options = 'name = "Main desk"'
    return oscbridge_bridge(CONFIGURATION.format(options=options, device=9, profile=profile))


@pytest.fixture
def url(bridge: BridgeThread) -> str:
    return bridge.endpoint("q").describe()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(oscquery, arguments)


def test_server_that_does_not_run_is_named_by_the_reason() -> None:
    result = run("get", f"127.0.0.1:{free_port()}", "/x")
    assert result.output == "Error: connection refused; nothing listens there\n"


def set_fader(bridge: BridgeThread, value: float) -> None:
    bridge.send("stage", oscbridge.Message.of("/mix/1/fader", value))


def test_tree_prints_every_node(url: str) -> None:
    result = run("tree", url)
    assert result.exit_code == 0, result.output
    first, *lines = result.output.splitlines()
    assert first == "Main desk: 13 addresses"
    assert "/mix/1/fader  f     rw  0..1  gain.db  Fader 1" in lines
    assert any(line.split()[:4] == ["/mix/mode", "i", "rw", "0|1|2"] for line in lines)
    assert run("tree", url, "/mix/1").output.count("\n") == 3
    for path in ("/mix/1/", "mix/1"):
        assert run("tree", url, path).output == run("tree", url, "/mix/1").output


def test_get_prints_one_node_with_its_value(bridge: BridgeThread, url: str) -> None:
    set_fader(bridge, 0.5)
    bridge.until(lambda: bridge.endpoint_status("q").sent == 1)
    result = run("get", url.removeprefix("http://"), "/mix/1/fader")
    assert result.output == "/mix/1/fader  f     rw  0..1  gain.db  = 0.5  Fader 1\n"
    assert run("get", url, "mix/1/fader/").output == result.output
    assert run("get", url, "/mix").output.startswith("/mix  -     -")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("get", "{url}", "/nothing"), "has no node /nothing"),
        (("tree", "{url}", "/nothing"), "has no node /nothing (HTTP status 404)"),
        (("listen", "{url}", "/nothing"), "has no node /nothing"),
        (("tree", "ftp://x"), "'ftp://x' is not host:port or http://host:port"),
        (("tree", "desk:x"), "'desk:x' is not host:port or http://host:port"),
        (("tree", "desk:99999"), "'desk:99999' is not host:port or http://host:port"),
        (("tree", "[::1"), "'[::1' is not host:port or http://host:port"),
    ],
)
def test_error_is_one_line(url: str, arguments: tuple[str, ...], text: str) -> None:
    result = run(*(each.format(url=url) for each in arguments))
    assert result.exit_code == 1
    assert text in result.output
    assert result.output.count("\n") == 1


def test_server_that_does_not_exist_is_an_error() -> None:
    result = run("tree", f"127.0.0.1:{free_port()}")
    assert result.exit_code == 1
    assert "Connect call failed" in result.output or "refused" in result.output


def test_listen_prints_values_and_changes(bridge: BridgeThread, url: str) -> None:
    set_fader(bridge, 0.5)
    bridge.until(lambda: bridge.endpoint_status("q").sent == 1)
    timer = Timer(1.0, set_fader, (bridge, 0.25))  # when it listens, most probably; else at first
    timer.start()
    result = run("listen", url, "/mix/*/fader", "--count", "2")
    timer.join()
    assert result.output.splitlines() == ["/mix/1/fader ,f 0.5", "/mix/1/fader ,f 0.25"]


def test_export_is_a_profile(url: str, tmp_path: Path) -> None:
    file = tmp_path / "exported.toml"
    assert run("export", url, "--output", str(file)).exit_code == 0
    desk = f'[endpoint.desk]\ntype = "osc"\nto = "udp://127.0.0.1:9"\nprofile = "{file}"'
    profile = getattr(check_configuration(desk)["desk"], "profile")  # noqa: B009  # of core
    assert isinstance(profile, oscbridge.Profile)
    assert profile.options.title == "Main desk"
    assert len(profile.addresses) == 13
    fader = profile.addresses["/mix/1/fader"]
    assert (fader.types, fader.unit, fader.description) == ("f", "gain.db", "Fader 1")
    assert fader.ranges == (oscbridge.ValueRange(0, 1),)
    assert profile.addresses["/mix/mode"].ranges == (oscbridge.ValueRange(choices=(0, 1, 2)),)
    assert profile.addresses["/meter"].access == oscbridge.Access.READ
    assert len(profile.addresses["/meter"].ranges) == 2
    assert "exists; use --force" in run("export", url, "--output", str(file)).output
    assert run("export", url, "--output", str(file), "--force").exit_code == 0
    assert run("export", url).output == file.read_text()


def test_profile_of_a_tree_with_many_branches_is_valid(tmp_path: Path) -> None:
    nodes = [
        MirroredNode(oscbridge.AddressInfo(f"/{number}/x", "f"), None) for number in range(2_500)
    ]
    file = tmp_path / "wide.toml"
    file.write_text(profile_text(HostInfo("Wide"), "http://127.0.0.1:9190", nodes))
    desk = f'[endpoint.desk]\ntype = "osc"\nto = "udp://127.0.0.1:9"\nprofile = "{file}"'
    profile = getattr(check_configuration(desk)["desk"], "profile")  # noqa: B009  # of core
    assert isinstance(profile, oscbridge.Profile)
    assert len(profile.addresses) == 2_500


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("a:1", "http://a:1"),
        ("http://a:1/x?HOST_INFO", "http://a:1"),
        ("https://a", "https://a"),
        ("[::1]:9", "http://[::1]:9"),
    ],
)
def test_url_may_be_short(text: str, url: str) -> None:
    assert base_url(text) == url


def test_text_of_others_cannot_control_the_terminal() -> None:
    info = oscbridge.AddressInfo("/a", "s", description="\x1b[2J", unit="\x07")
    line = node_line(MirroredNode(info, oscbridge.Message("/a", "s", ("\x1b]0;x\x07",))))
    assert "\x1b" not in line.replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert "\x07" not in line
