"""Terminals whose encoding lacks a character: no command ends with an error for that."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from oscbridge.osc import Message, encode_message

PROGRAM = str(Path(sys.executable).with_name("oscbridge"))
WAIT = 30.0

encodings = pytest.mark.parametrize("encoding", ["cp1252", "ascii", "ascii:strict", "latin-1"])


def environment(encoding: str) -> dict[str, str]:
    return {**os.environ, "PYTHONIOENCODING": encoding}


def call(encoding: str, *args: str) -> tuple[int, bytes]:
    result = subprocess.run(
        [PROGRAM, *args],
        env=environment(encoding),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=WAIT,
        check=False,
    )
    assert b"Traceback" not in result.stdout
    assert b"UnicodeEncodeError" not in result.stdout
    return result.returncode, result.stdout


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@encodings
def test_send_exits_0_when_it_sent(encoding: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(WAIT)
        to = f"udp://127.0.0.1:{sock.getsockname()[1]}"
        code, output = call(encoding, "send", "--to", to, "/雷/→", "日本")
        assert sock.recv(1_000) == encode_message(Message("/雷/→", "s", ("日本",)))
    assert code == 0
    assert output.startswith(b"sent /")


@encodings
@pytest.mark.parametrize("command", ["check", "run"])
def test_errors_are_printed(encoding: str, command: str, tmp_path: Path) -> None:
    config = tmp_path / "日本.toml"
    config.write_text('[endpoint.雷]\ntype = "→"\n', encoding="utf-8")
    code, output = call(encoding, command, str(config))
    assert code == 2
    assert b"error: " in output


@encodings
def test_unknown_arguments_are_printed(encoding: str) -> None:
    assert call(encoding, "→")[0] == 2
    assert call(encoding, "send", "→*")[0] in (1, 2)


@encodings
def test_dump_and_record_print_messages(encoding: str, tmp_path: Path) -> None:
    recorded = tmp_path / "雷.oscrec"
    for command in (["dump"], ["record", str(recorded)]):
        port = free_port()
        process = subprocess.Popen(
            [PROGRAM, *command, "--listen", f"udp://127.0.0.1:{port}"],
            env={**environment(encoding), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                data = encode_message(Message("/雷", "s", ("→日",)))
                sock.sendto(data, ("127.0.0.1", port))
                if command == ["dump"]:
                    lines.append(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            lines.append(process.communicate(timeout=WAIT)[0])
        finally:
            process.kill()
            process.wait()
        output = b"".join(lines)
        assert b"Traceback" not in output
        assert b"UnicodeEncodeError" not in output
        assert process.returncode == 0, output


@encodings
def test_help_and_plugins_are_printed(encoding: str) -> None:
    for command in (["--help"], ["plugins"], ["run", "--help"], ["top", "--help"]):
        assert call(encoding, *command)[0] == 0
