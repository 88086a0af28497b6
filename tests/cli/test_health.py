"""``oscbridge health``, and the health that a real bridge serves."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificate, make_certificate
from doc_pages import rows, shown
from prometheus_client.parser import text_string_to_metric_families

from oscbridge.bridge.config.config import parse
from oscbridge.cli.health import TIMEOUT
from oscbridge.net.url import HostPort
from oscbridge.testing import free_port

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., Any]
Write = Callable[..., str]

PAGE = (Path(__file__).parents[2] / "docs/how-to/monitor.md").read_text()


STAGE = '[bridge.stage]\nlisten = "udp://127.0.0.1:0"'


def configuration(mixer: int) -> str:
    """A bridge and a mixer, which may be running or not."""
    return f"""
        [http]
        listen = "127.0.0.1:0"
        [bridge.stage]
        listen = "udp://127.0.0.1:0"
        [endpoint.mixer]
        type     = "osc"
        to       = "tcp://127.0.0.1:{mixer}"
        on_start = "retry"
    """


def url_of(program: Any) -> str:
    """The health URL of a bridge that has just been started."""
    found: re.Match[str] = program.wait_for(r"http://127\.0\.0\.1:\d+")
    program.wait_for("Ctrl-C")
    return found[0]


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], str]]:
    """Serves the same bytes to every client, then stays silent. Returns the URL."""
    ended = threading.Event()
    servers: list[socketserver.ThreadingTCPServer] = []

    def start(answer: bytes) -> str:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    self.request.recv(65_536)
                    self.request.sendall(answer)
                    if not answer.endswith(b"\n\n"):
                        ended.wait(20)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    ended.set()
    for server in servers:
        server.shutdown()
        server.server_close()


# --- a real bridge -----------------------------------------------------------------------------


def test_ready_bridge_exits_with_0(start: Start, write: Write, call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mixer:
        url = url_of(start("run", write(configuration(mixer.getsockname()[1]))))
        result = call("health", "--url", url)
    assert (result.returncode, result.stdout, result.stderr) == (0, "ready\n", "")


def test_problems_are_printed_and_exit_with_1(start: Start, write: Write, call: Call) -> None:
    with socket.socket() as mixer:
        mixer.bind(("127.0.0.1", 0))  # and does not listen
        url = url_of(start("run", write(configuration(mixer.getsockname()[1]))))
        result = call("health", "--url", f"{url}/")
    refused = "connection refused; nothing listens there"
    assert result.stdout == f"endpoint.mixer: not connected: {refused}\n"
    assert (result.returncode, result.stderr) == (1, "")


def test_attacks_on_a_real_bridge_are_harmless_and_leave_nothing_behind(
    start: Start, write: Write, call: Call
) -> None:
    program = start(
        "run", write('[http]\nlisten = "127.0.0.1:0"\n[bridge.a]\nlisten = "udp://127.0.0.1:0"')
    )
    url = url_of(program)
    address = HostPort.parse(url.removeprefix("http://"))
    assert call("health", "--url", url).returncode == 0
    before = resources(program.process.pid)
    attacks = [
        b"\x16\x03\x01" + bytes(300),
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n" * 2_000,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000,
        b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n" + bytes(200_000),
    ]
    for attack in attacks * 20:
        with socket.create_connection(address) as sock, contextlib.suppress(ConnectionError):
            sock.sendall(attack)
    opened = []
    for _ in range(300):
        opened.append(socket.create_connection(address))
    for sock in opened:
        sock.close()
    deadline = time.monotonic() + 10
    while resources(program.process.pid) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert resources(program.process.pid) == before
    assert call("health", "--url", url).stdout == "ready\n"
    assert program.stop(signal.SIGTERM) == 0
    assert "Traceback" not in program.output


def resources(pid: int) -> tuple[int, int]:
    """The numbers of descriptors and threads of a process."""
    return tuple(len(list(Path(f"/proc/{pid}/{name}").iterdir())) for name in ("fd", "task"))  # type: ignore[return-value]


def test_curl_gets_the_requested_pages(start: Start, write: Write) -> None:
    program = start(
        "run", write('[http]\nlisten = "127.0.0.1:0"\n[bridge.a]\nlisten = "udp://127.0.0.1:0"')
    )
    url = url_of(program)
    curl = ["curl", "-sS", "--path-as-is", "--max-time", "10"]
    asked = [f"{url}/healthz", f"{url}/readyz", f"{url}/../../etc/passwd"]
    result = subprocess.run([*curl, *asked], capture_output=True, text=True, check=True)
    assert result.stdout == "ok\nready\nNot found. Available: /healthz /readyz /metrics\n"


# --- over TLS ----------------------------------------------------------------------------------


@pytest.fixture
def secured(start: Start, write: Write, tmp_path: Path) -> tuple[str, Certificate]:
    """The URL of a bridge that serves its health over TLS, and its certificate."""
    certificate = make_certificate(tmp_path, "stage")
    text = f'[http]\nlisten = "127.0.0.1:0"\n{certificate.toml}{STAGE}'
    program = start("run", write(text))
    url: str = program.wait_for(r"https://127\.0\.0\.1:\d+")[0]
    program.wait_for("Ctrl-C")
    return url, certificate


def test_health_is_asked_over_tls(secured: tuple[str, Certificate], call: Call) -> None:
    url, certificate = secured
    result = call("health", "--url", url, "--ca", str(certificate.certificate))
    assert (result.returncode, result.stdout, result.stderr) == (0, "ready\n", "")


def test_certificate_that_is_not_trusted_is_an_error(
    secured: tuple[str, Certificate], call: Call
) -> None:
    result = call("health", "--url", secured[0])
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert "its certificate is not trusted: self-signed certificate" in line
    assert line.endswith("trust it with --ca FILE")


def test_wrong_scheme_is_named(
    secured: tuple[str, Certificate], start: Start, write: Write, call: Call
) -> None:
    url, certificate = secured
    plain = call("health", "--url", url.replace("https", "http"))
    assert "if its [http] has a certificate, write https://" in plain.stderr
    other = url_of(start("run", write(f'[http]\nlisten = "127.0.0.1:0"\n{STAGE}', "other.toml")))
    ca = ("--ca", str(certificate.certificate))
    tls = call("health", "--url", other.replace("http", "https"), *ca)
    assert "does its [http] have a certificate?" in tls.stderr
    assert plain.returncode == tls.returncode == 1


def test_token_of_a_file_is_sent(call: Call, tmp_path: Path) -> None:
    (tmp_path / "a.token").write_text("right-and-secret\n")
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(65_536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        result = call("health", "--url", url, "--token", str(tmp_path / "a.token"))
        thread.join(10)
    assert result.stdout == "ready\n"
    assert b"\r\nAuthorization: Bearer right-and-secret\r\n" in asked[0]


@pytest.mark.parametrize("option", ["--ca", "--token"])
def test_credentials_without_a_url_are_an_error(call: Call, option: str) -> None:
    result = call("health", option, __file__)
    assert result.returncode == 2
    assert "no effect without --url" in result.stderr


# --- through the control socket ----------------------------------------------------------------


def test_running_bridge_is_found_without_http(start: Start, write: Write, call: Call) -> None:
    start("run", write(STAGE)).wait_for("Ctrl-C")
    result = call("health")
    assert (result.returncode, result.stdout, result.stderr) == (0, "ready\n", "")


def test_problems_of_the_found_bridge_exit_with_1(start: Start, write: Write, call: Call) -> None:
    with socket.socket() as mixer:
        mixer.bind(("127.0.0.1", 0))  # and does not listen
        text = (
            configuration(mixer.getsockname()[1])
            .replace("[http]", "[run]")
            .replace('listen = "127.0.0.1:0"', "drain_timeout = 0.1", 1)
        )
        start("run", write(text)).wait_for("Ctrl-C")
        result = call("health")
    refused = "connection refused; nothing listens there"
    assert result.stdout == f"endpoint.mixer: not connected: {refused}\n"
    assert (result.returncode, result.stderr) == (1, "")


def test_file_and_pid_choose_one_of_several_bridges(start: Start, write: Write, call: Call) -> None:
    first = start("run", write(STAGE, "first.toml"))
    second = start("run", write(STAGE, "second.toml"))
    for program in (first, second):
        program.wait_for("Ctrl-C")
    several = call("health")
    assert (several.returncode, several.stdout) == (1, "")
    assert "several bridges are running here; choose one with --pid" in several.stderr
    assert call("health", "second.toml").stdout == "ready\n"
    assert call("health", "--pid", str(first.process.pid)).stdout == "ready\n"


def test_stopped_process_is_named(start: Start, write: Write, call: Call) -> None:
    program = start("run", write(STAGE))
    program.wait_for("Ctrl-C")
    program.process.send_signal(signal.SIGSTOP)
    try:
        result = call("health")
    finally:
        program.process.send_signal(signal.SIGCONT)
    assert (result.returncode, result.stdout) == (1, "")
    expected = f"error: process {program.process.pid} does not answer; it may be stopped or blocked"
    assert result.stderr == f"{expected}\n"


def test_health_without_a_running_bridge_exits_with_1(call: Call) -> None:
    result = call("health")
    assert (result.returncode, result.stdout) == (1, "")
    assert "no bridge of this user is running here" in result.stderr


@pytest.mark.parametrize("choice", [["show.toml"], ["--pid", "1"]])
def test_url_and_a_choice_of_processes_exclude_each_other(call: Call, choice: list[str]) -> None:
    result = call("health", "--url", "http://127.0.0.1:1", *choice)
    assert result.returncode == 2
    assert "--url" in result.stderr


@pytest.mark.parametrize("host", ["*", "[::]", "0.0.0.0"])
def test_host_of_listen_for_all_addresses_is_asked_on_this_machine(
    host: str, start: Start, write: Write, call: Call
) -> None:
    listen = f"{host}:{free_port()}"
    text = f'[http]\nlisten = "{listen}"\n[bridge.stage]\nlisten = "udp://127.0.0.1:0"'
    start("run", write(text)).wait_for("Ctrl-C")
    result = call("health", "--url", f"http://{listen}")
    assert (result.returncode, result.stdout) == (0, "ready\n")


# --- other servers, or none --------------------------------------------------------------------


def test_health_without_a_bridge_reports_how_to_fix_it(call: Call) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        result = call("health", "--url", url)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {url}: no connection: connection refused")
    assert "[http]" in line


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nrea"],
    ids=["nothing", "half a head", "half a body"],
)
def test_endless_response_times_out_after_2_seconds(
    serve: Callable[[bytes], str], call: Call, answer: bytes
) -> None:
    started = time.monotonic()
    result = call("health", "--url", serve(answer))
    assert TIMEOUT <= time.monotonic() - started < TIMEOUT + 3
    assert (result.returncode, result.stdout) == (1, "")
    assert "no response" in result.stderr or "no connection" in result.stderr


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"220 mail.example ESMTP\n\n", "the response is not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\n\r\n<html>\n\n",
            "unexpected response, not from oscbridge: 200 <html>",
        ),
        (b"HTTP/1.1 404 Not Found\r\n\r\n\n\n", "unexpected response, not from oscbridge: 404"),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n\n\n", "oscbridge: 302"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\n\n", "the response is not HTTP"),
        (b"HTTP/1.1 500 X\r\n\r\n\x1b[31m\n\n", "500 \\x1b[31m"),
    ],
)
def test_server_that_is_not_a_bridge_is_an_error(
    serve: Callable[[bytes], str], call: Call, answer: bytes, text: str
) -> None:
    result = call("health", "--url", serve(answer))
    assert (result.returncode, result.stdout) == (1, "")
    assert text in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:9180",
        "ftp://a",
        "http://",
        "http://a:x",
        "http://a/b",
        "http://a:0",
        "http://a?b",
    ],
)
def test_invalid_url_is_an_error(call: Call, url: str) -> None:
    result = call("health", "--url", url)
    assert result.returncode == 2
    assert "http://host:port" in result.stderr


def test_health_loads_no_plugin_and_no_configuration() -> None:
    slow = {"pluggy", "pydantic", "asyncio", "aiohttp", "prometheus_client"}
    code = f"import sys, oscbridge.cli.health; print({slow} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


# --- documentation -----------------------------------------------------------------------------


def test_documented_samples_are_valid() -> None:
    samples = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert samples
    for sample in samples:
        assert parse(sample, {}, "page.toml").http is not None


def test_metrics_table_matches_the_served_metrics(start: Start, write: Write) -> None:
    listed = {
        row[0].strip("`"): set(re.findall(r"`(\w+)`", row[2]))
        for row in rows(shown("reference/metrics.md"))
    }
    program = start("run", write(configuration(1)))
    address = HostPort.parse(url_of(program).removeprefix("http://"))
    connection = http.client.HTTPConnection(*address, timeout=10)
    connection.request("GET", "/metrics")
    page = connection.getresponse().read().decode()
    connection.close()
    assert set(listed) == set(re.findall(r"^# TYPE (oscbridge_\w+)", page, re.MULTILINE))
    for family in text_string_to_metric_families(page):
        labels = {label for sample in family.samples for label in sample.labels}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if family.samples and name in listed:
            assert labels == listed[name]


def test_spool_that_cannot_be_written_is_a_problem_until_it_can(
    start: Start, write: Write, call: Call, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.touch()
    program = start(
        "run",
        write(
            f"""
            [bridge.stage]
            listen = "udp://127.0.0.1:0"
            [endpoint.broker]
            type = "mqtt"
            broker = "mqtt://127.0.0.1:9"
            qos = 1
            policy = "spool"
            on_start = "retry"
            [endpoint.broker.spool]
            path = "{folder}/x.spool"
            """
        ),
    )
    program.wait_for("Ctrl-C stops it")
    lines = call("health").stdout.splitlines()
    assert lines[0].startswith("endpoint.broker: not connected: ")
    assert lines[1:] == [
        f"endpoint.broker: {folder}/x.spool: a parent is a file, not a directory; "
        "new messages are kept in memory only until this is fixed"
    ]
    folder.unlink()
    program.wait_for("new messages are safe on disk again")
    assert len(call("health").stdout.splitlines()) == 1


def test_failing_route_is_a_warning_and_the_bridge_is_ready(
    start: Start, write: Write, call: Call
) -> None:
    program = start(
        "run",
        write(
            """
            [http]
            listen = "127.0.0.1:0"
            [bridge.stage]
            listen = "udp://127.0.0.1:0"
            [endpoint.desk]
            type = "osc"
            to = "udp://127.0.0.1:9"
            on_start = "ignore"
            [[route]]
            name = "faders"
            from = "stage"
            send = "/x {3}"
            to = "desk"
            """
        ),
    )
    stage = program.wait_for(r"udp://127\.0\.0\.1:\d+")[0]
    url = url_of(program)
    assert call("send", "/x", "1", "--to", stage).returncode == 0
    program.wait_for("route faders: 1 message lost: missing argument")
    for options in ((), ("--url", url)):
        result = call("health", *options)
        assert (result.returncode, result.stdout) == (0, "ready\n")
        assert result.stderr == "warning: route faders: failing: missing argument {3}\n"
