"""Third-party plugins, by pip: in a derived image, and into a volume at the start."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from engine import Container, Engine
from ports import free_port

from oscbridge import Message, decode_packet

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/write-a-plugin.md").read_text()

PYPROJECT = """
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "oscbridge-print"
version = "1.0"
dependencies = ["oscbridge"]

[project.entry-points.oscbridge]
print = "printer"

[tool.hatch.build.targets.wheel]
include = ["printer.py"]
"""

CONFIGURATION = """
[bridge.stage]
listen = "udp://0.0.0.0:9000"
[endpoint.paper]
type = "printer"
[[route]]
from = "stage"
to   = "paper"
"""


LAMP = """
[bridge.stage]
listen = "udp://127.0.0.1:%d"
[endpoint.lamp]
type   = "lamp"
device = "127.0.0.1:%d"
[endpoint.desk]
type = "osc"
to   = "udp://127.0.0.1:%d"
[[route]]
from = "stage"
to   = "lamp"
[[route]]
from = "lamp"
to   = "desk"
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin of the documentation, as a wheel."""
    folder = tmp_path_factory.mktemp("print")
    found = re.search(r"^```python\n(# plugins/printer.py\n.*?)^```$", PAGE, re.M | re.S)
    assert found
    (folder / "printer.py").write_text(found[1])
    (folder / "pyproject.toml").write_text(PYPROJECT)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, folder],
        check=True,
    )
    (made,) = folder.glob("*.whl")
    folder.chmod(0o755)  # it is mounted, and read by another user
    made.chmod(0o644)
    return made


@pytest.fixture(scope="module")
def new_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of `oscbridge plugins new lamp`, as a wheel."""
    folder = tmp_path_factory.mktemp("new")
    run = partial(subprocess.run, check=True, cwd=folder, capture_output=True)
    run([Path(sys.executable).with_name("oscbridge"), "plugins", "new", "lamp"])
    run([sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", "dist", "./oscbridge-lamp"])
    (made,) = (folder / "dist").glob("*.whl")
    return made


@pytest.fixture
def volume(engine: Engine) -> str:
    """A new volume. It is removed with the engine."""
    return engine.docker("volume", "create").strip()


def works(container: Container, port: int, send: Callable[..., None]) -> None:
    """The plugin is listed and gets messages."""
    container.wait_for_log("Ctrl-C stops it", timeout=60)
    assert "print 1.0" in container.execute("oscbridge", "plugins")
    send(port, "/hello", 7)
    container.wait_for_log("/hello 7")


def test_derived_image_contains_the_plugin(
    engine: Engine,
    run: Callable[..., Container],
    mount: Callable[..., str],
    wheel: Path,
    send: Callable[..., None],
    tmp_path: Path,
) -> None:
    # The two lines of docker/README.md; the wheel stands for a package of an index.
    (tmp_path / wheel.name).write_bytes(wheel.read_bytes())
    (tmp_path / "Dockerfile").write_text(
        f"FROM oscbridge\nCOPY {wheel.name} /tmp/\nRUN pip install /tmp/{wheel.name}\n"
    )
    engine.docker("build", "--tag=mine", str(tmp_path))
    port = free_port()
    works(run(f"-p=127.0.0.1:{port}:9000/udp", mount(CONFIGURATION), of="mine"), port, send)


def test_new_plugin_in_a_derived_image_speaks_with_its_device(
    engine: Engine,
    run: Callable[..., Container],
    mount: Callable[..., str],
    new_wheel: Path,
    send: Callable[..., None],
    tmp_path: Path,
) -> None:
    (tmp_path / new_wheel.name).write_bytes(new_wheel.read_bytes())
    (tmp_path / "Dockerfile").write_text(
        f"FROM oscbridge\nCOPY {new_wheel.name} /tmp/\nRUN pip install /tmp/{new_wheel.name}\n"
    )
    engine.docker("build", "--tag=lamp", str(tmp_path))
    port = free_port()
    with ExitStack() as stack:
        device = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        desk = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        desk.bind(("127.0.0.1", 0))
        for each in (device, desk):
            each.settimeout(20)
        ports = (port, device.getsockname()[1], desk.getsockname()[1])
        here = ("--network=host", "--env=OSCBRIDGE__HTTP__LISTEN=127.0.0.1:0")
        container = run(*here, mount(LAMP % ports), of="lamp")
        connection, _ = device.accept()
        lines = stack.enter_context(connection.makefile("rw"))
        stack.callback(connection.close)
        container.wait_for_log("Ctrl-C stops it")
        assert "lamp 0.1.0\n  offers  endpoint type lamp" in container.execute(
            "oscbridge", "plugins"
        )
        send(port, "/level", 0.5)
        assert lines.readline() == "/level 0.5\n"
        lines.write("/button 1\n")
        lines.flush()
        assert decode_packet(desk.recv(1_000)) == Message.of("/button", 1)
        checked = container.execute("oscbridge", "plugins", "check", "lamp")
        assert re.search(r"= \d+ passed in ", checked), checked


def test_plugin_in_a_volume_is_installed_once_and_then_needs_no_network(
    run: Callable[..., Container],
    mount: Callable[..., str],
    volume: str,
    wheel: Path,
    send: Callable[..., None],
) -> None:
    port = free_port()
    options = (
        f"--env=OSCBRIDGE_PLUGINS=/wheels/{wheel.name}",
        f"--volume={volume}:/var/lib/oscbridge",
        mount(CONFIGURATION),
    )
    first = run(f"-p=127.0.0.1:{port}:9000/udp", f"--volume={wheel.parent}:/wheels:ro", *options)
    works(first, port, send)
    assert "installing plugins" in first.logs()
    # Neither the wheel nor a network is there now.
    second = run("--network=none", *options)
    log = second.wait_for_log("Ctrl-C stops it")
    assert "installing plugins" not in log
    assert "print 1.0" in log


def test_new_list_replaces_the_first(
    run: Callable[..., Container], volume: str, wheel: Path
) -> None:
    there = (f"--volume={volume}:/var/lib/oscbridge", f"--volume={wheel.parent}:/wheels:ro")
    plugins = f"--env=OSCBRIDGE_PLUGINS=/wheels/{wheel.name}"
    first = run(*there, plugins, args=("plugins",))
    assert first.wait_until_ended() == 0
    assert "print 1.0" in first.logs()
    # The same package under another name: the installed one does not hide it from pip.
    second = run(*there, f"{plugins} /wheels/{wheel.name}", args=("plugins",))
    assert second.wait_until_ended() == 0
    assert "print 1.0" in second.logs()
    # Plugins of the image need no installation.
    third = run(*there, "--env=OSCBRIDGE_PLUGINS=oscbridge-midi", args=("plugins",))
    assert third.wait_until_ended() == 0
    assert "print 1.0" not in third.logs()


@pytest.mark.parametrize(
    ("plugins", "options"),
    [
        ("/wheels/nothing-1.0-py3-none-any.whl", ()),
        ("oscbridge-print", ("--network=none", "--env=PIP_RETRIES=0")),
    ],
    ids=["unknown", "offline"],
)
def test_failed_installation_stops_the_container_and_keeps_the_old_plugins(
    run: Callable[..., Container],
    volume: str,
    wheel: Path,
    plugins: str,
    options: tuple[str, ...],
) -> None:
    there = (f"--volume={volume}:/var/lib/oscbridge", f"--volume={wheel.parent}:/wheels:ro")
    good = f"--env=OSCBRIDGE_PLUGINS=/wheels/{wheel.name}"
    assert run(*there, good, args=("plugins",)).wait_until_ended() == 0
    bad = run(*there, f"--env=OSCBRIDGE_PLUGINS={plugins}", *options, args=("plugins",))
    assert bad.wait_until_ended() == 1
    assert f"oscbridge: OSCBRIDGE_PLUGINS: '{plugins}' could not be installed" in bad.logs()
    again = run(*there, good, "--network=none", args=("plugins",))
    assert again.wait_until_ended() == 0
    assert "installing" not in again.logs()


def test_missing_volume_is_reported(run: Callable[..., Container]) -> None:
    container = run("--env=OSCBRIDGE_PLUGINS=oscbridge-print")
    assert container.wait_until_ended() == 1
    (line,) = container.logs().splitlines()
    assert "/var/lib/oscbridge cannot be written by user 10001: mount a volume there" in line


def test_volume_of_another_user_is_reported(run: Callable[..., Container], volume: str) -> None:
    container = run(
        "--env=OSCBRIDGE_PLUGINS=oscbridge-print",
        "--user=12345",
        f"--volume={volume}:/var/lib/oscbridge",
    )
    assert container.wait_until_ended() == 1
    (line,) = container.logs().splitlines()
    assert "/var/lib/oscbridge cannot be written by user 12345" in line
    assert "belongs to user 10001" in line


def test_plugins_are_complete_after_a_kill_during_installation(
    run: Callable[..., Container], volume: str, wheel: Path
) -> None:
    there = (f"--volume={volume}:/var/lib/oscbridge", f"--volume={wheel.parent}:/wheels:ro")
    good = f"--env=OSCBRIDGE_PLUGINS=/wheels/{wheel.name}"
    assert run(*there, good, args=("plugins",)).wait_until_ended() == 0
    # The files while pip runs.
    script = "cd /var/lib/oscbridge/plugins && mv current old && mkdir new"
    killed = run(*there, "--entrypoint=sh", args=("-c", script))
    assert killed.wait_until_ended() == 0
    again = run(*there, good, "--network=none", args=("plugins",))
    assert again.wait_until_ended() == 0
    assert "print 1.0" in again.logs()


def test_list_of_spaces_counts_as_empty(run: Callable[..., Container]) -> None:
    container = run("--env=OSCBRIDGE_PLUGINS= ", args=("--version",))
    assert container.wait_until_ended() == 0
