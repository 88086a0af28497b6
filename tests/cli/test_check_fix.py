"""``oscbridge check --fix``: a file with former names of keys is rewritten in place."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]

OLD = """\
# the stage
[bridge.stage]
listen = "udp://127.0.0.1:9000"   # loopback only
limits = { packet = 4096, idle = 60.0 }

[run]
drain = 2.0
"""
NEW = """\
# the stage
[bridge.stage]
listen = "udp://127.0.0.1:9000"   # loopback only
limits = { max_packet_size = 4096, idle_timeout = 60.0 }

[run]
drain_timeout = 2.0
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "studio.toml"
    path.write_text(OLD)
    return path


def test_check_without_fix_names_the_new_keys_and_leaves_the_file(file: Path, call: Call) -> None:
    result = call("check", str(file))
    assert result.returncode == 2
    assert f"error: {file}: run.drain: renamed to 'drain_timeout'; " in result.stderr
    assert file.read_text() == OLD


def test_fix_renames_the_keys_and_reports_each(file: Path, call: Call) -> None:
    result = call("check", str(file), "--fix")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{file}: bridge.stage.limits.packet: renamed to 'max_packet_size'",
        f"{file}: bridge.stage.limits.idle: renamed to 'idle_timeout'",
        f"{file}: run.drain: renamed to 'drain_timeout'",
        f"{file}: valid: 1 bridge, 0 endpoints, 0 routes",
    ]
    assert file.read_text() == NEW


def test_fix_leaves_no_other_file(file: Path, call: Call) -> None:
    call("check", str(file), "--fix")
    assert list(file.parent.iterdir()) == [file]


def test_fix_without_former_names_does_not_touch_the_file(file: Path, call: Call) -> None:
    file.write_text(NEW)
    before = file.stat()
    result = call("check", str(file), "--fix")
    assert result.returncode == 0
    assert result.stdout.startswith(f"{file}: no keys to rename\n")
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_fix_reports_the_problems_that_remain(file: Path, call: Call) -> None:
    file.write_text(OLD + "x = 1\n")
    result = call("check", str(file), "--fix")
    assert result.returncode == 2
    assert "run.x: unknown key" in result.stderr
    assert "renamed" not in result.stderr
    assert file.read_text() == NEW + "x = 1\n"


def test_fix_refuses_a_key_under_both_names(file: Path, call: Call) -> None:
    file.write_text(OLD + "drain_timeout = 3.0\n")
    result = call("check", str(file), "--fix")
    assert result.returncode == 2
    assert result.stderr == (
        f"error: {file}: run.drain: not changed: its current name 'drain_timeout' is set too; "
        "remove one of them\n"
    )
    assert file.read_text() == OLD + "drain_timeout = 3.0\n"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_fix_keeps_the_permissions(file: Path, call: Call, mode: int) -> None:
    file.chmod(mode)
    call("check", str(file), "--fix")
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert file.read_text() == NEW


def test_fix_keeps_the_owner(file: Path, call: Call) -> None:
    owner = (12345, 54321) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(file, *owner)  # only root may change the owner of a file
    call("check", str(file), "--fix")
    assert (file.stat().st_uid, file.stat().st_gid) == owner
    assert file.read_text() == NEW


def test_fix_keeps_line_endings_and_byte_order_mark_of_windows(file: Path, call: Call) -> None:
    def windows(text: str) -> bytes:
        return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()

    file.write_bytes(windows(OLD))
    assert call("check", str(file), "--fix").returncode == 0
    assert file.read_bytes() == windows(NEW)


def test_fix_of_a_symbolic_link_rewrites_its_target(file: Path, call: Call, tmp_path: Path) -> None:
    directory = tmp_path / "links"
    directory.mkdir()
    link = directory / "current.toml"
    link.symlink_to(Path("..") / file.name)
    assert call("check", str(link), "--fix").returncode == 0
    assert link.is_symlink()
    assert file.read_text() == NEW
    assert list(directory.iterdir()) == [link]


def test_fix_refuses_a_read_only_file(file: Path, call: Call) -> None:
    file.chmod(0o444)
    result = call("check", str(file), "--fix")
    assert result.returncode == 1
    assert result.stderr == (
        f"error: {file}: not changed: the file is read-only; make it writable\n"
    )
    assert file.read_text() == OLD
    assert list(file.parent.iterdir()) == [file]


def test_fix_of_a_missing_file_suggests_the_nearest(file: Path, call: Call) -> None:
    result = call("check", str(file.with_name("stduio.toml")), "--fix")
    assert result.returncode == 2
    assert "no such file; did you mean 'studio.toml'?" in result.stderr


def test_fix_renames_keys_of_included_files(file: Path, call: Call) -> None:
    (file.parent / "desks").mkdir()
    included = file.parent / "desks" / "a.toml"
    included.write_text("# the desk\n[bridge.desk]\nlimits = { packet = 4096 }\n")
    file.write_text('include = ["desks/*.toml"]\n')
    result = call("check", str(file), "--fix")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{included}: bridge.desk.limits.packet: renamed to 'max_packet_size'",
        f"{file}: valid: 1 bridge, 0 endpoints, 0 routes",
    ]
    assert "# the desk" in included.read_text()
    assert file.read_text() == 'include = ["desks/*.toml"]\n'


def test_fix_moves_tokens_of_included_files_under_different_names(
    tmp_path: Path, call: Call
) -> None:
    endpoint = '[endpoint.{0}]\ntype = "websocket"\nlisten = "127.0.0.1:0"\n'
    for name in ("web", "wall", "web-wall"):
        (tmp_path / f"{name}.token").write_text(f"{name}-and-secret")
    web = '[[endpoint.web.tokens]]\ntoken = { file = "wall.token" }   # the screen\n'
    (tmp_path / "a.toml").write_text(endpoint.format("web") + web)
    hall = 'token = { file = "web-wall.token" }\n'
    (tmp_path / "b.toml").write_text(endpoint.format("web-wall") + hall)
    (tmp_path / "studio.toml").write_text('include = ["a.toml", "b.toml"]\n')
    result = call("check", str(tmp_path / "studio.toml"), "--fix")
    assert (result.returncode, result.stderr) == (0, "")
    assert "endpoint.web.tokens.1: moved to [[token]] 'web-wall'" in result.stdout
    assert "endpoint.web-wall.token: moved to [[token]] 'web-wall-2'" in result.stdout
    assert 'secret    = { file = "wall.token" }   # the screen' in (tmp_path / "a.toml").read_text()


def test_fix_makes_one_token_of_one_secret_in_two_files(tmp_path: Path, call: Call) -> None:
    endpoint = '[endpoint.{0}]\ntype = "websocket"\nlisten = "127.0.0.1:0"\n'
    (tmp_path / "wall.token").write_text("wall-and-secret")
    token = 'token = { file = "wall.token" }\n'
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(endpoint.format(name) + token)
    (tmp_path / "studio.toml").write_text('include = ["one.toml", "two.toml"]\n')
    result = call("check", str(tmp_path / "studio.toml"), "--fix")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{tmp_path}/one.toml: endpoint.one.token: moved to [[token]] 'one'",
        f"{tmp_path}/two.toml: endpoint.two.token: moved to [[token]] 'one'",
        f"{tmp_path}/studio.toml: valid: 0 bridges, 2 endpoints, 0 routes, 1 token",
    ]
    assert 'endpoints = ["one", "two"]' in (tmp_path / "one.toml").read_text()
    assert (tmp_path / "two.toml").read_text() == endpoint.format("two")
