"""``[http]`` of a running process: TLS, reloads that drop nobody, tokens, and its start."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from certificates import Certificate, make_certificate
from ports import free_port

from oscbridge import ConfigurationError, Endpoint, OSCBridgeError
from oscbridge.access.token_failures import MAX_FAILURES
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.http.limits import HTTPLimits
from oscbridge.monitoring import runtime_dir
from oscbridge.monitoring.http_server import HTTPServer
from oscbridge.monitoring.service import Service
from oscbridge.plugins.manager import Plugins

BRIDGE = '[bridge.a]\nlisten = "udp://127.0.0.1:0"\n'
_NAMES = {"XFF": "X-Forwarded-For"}
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Waiting(Endpoint):
    """Connects when :attr:`gate` is set."""

    gate = asyncio.Event()

    async def connect(self) -> None:
        await self.gate.wait()


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a short path, as sockets require."""
    with TemporaryDirectory(prefix="osc") as path:
        monkeypatch.setenv(runtime_dir.VARIABLE, path)
        yield Path(path)


@pytest.fixture(scope="session")
def one(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "one")


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "two")


class Process:
    """A running process with ``[http]``, and its configuration."""

    def __init__(self, options: str, rest: str = BRIDGE) -> None:
        self.options = options
        self.rest = rest
        self.service = Service(App(self.read(), Plugins([])), self.read, "show.toml")

    def read(self) -> Configuration:
        return parse(f"[http]\n{self.options}\n{self.rest}", {"waiting": Waiting}, "show.toml")

    @property
    def port(self) -> int:
        return int(self.service.http_address.rpartition(":")[2])

    async def reload(self, options: str) -> str:
        self.options = options
        return str(await self.service.reload())


@asynccontextmanager
async def running(options: str = 'listen = "127.0.0.1:0"') -> AsyncIterator[Process]:
    process = Process(options)
    await process.service.start()
    try:
        yield process
    finally:
        await process.service.stop()


class Client:
    """A client that keeps its connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, trusted: ssl.SSLContext | None = None) -> Client:
        name = None if trusted is None else "localhost"
        return cls(
            *await asyncio.open_connection("127.0.0.1", port, ssl=trusted, server_hostname=name)
        )

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        lines = [f"GET {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{_NAMES.get(key, key)}: {value}" for key, value in headers.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(10):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().partition("content-length: ")[2].split()[0])
            return int(head.split()[1]), (await self._reader.readexactly(length)).decode()

    async def close(self) -> None:
        self._writer.close()
        await asyncio.sleep(0)


async def get(
    port: int, path: str = "/healthz", trusted: ssl.SSLContext | None = None, **headers: str
) -> tuple[int, str]:
    client = await Client.connect(port, trusted)
    try:
        return await client.get(path, **headers)
    finally:
        await client.close()


# --- TLS -------------------------------------------------------------------------------------


async def test_https_is_served_with_a_certificate(one: Certificate) -> None:
    async with running(f'listen = "127.0.0.1:0"\n{one.toml}') as process:
        assert process.service.http_address == f"https://127.0.0.1:{process.port}"
        assert await get(process.port, trusted=one.trusted) == (200, "ok\n")
        assert (await get(process.port, "/nothing", one.trusted))[0] == 404
        page = (await get(process.port, "/metrics", one.trusted))[1]
    (line,) = [
        each
        for each in page.splitlines()
        if each.startswith('oscbridge_http_certificate_end_timestamp_seconds{key="certificate"}')
    ]
    assert float(line.split()[1]) > 1.7e9


async def test_connections_over_tls_are_counted_until_they_end(one: Certificate) -> None:
    async with running(f'listen = "127.0.0.1:0"\n{one.toml}') as process:
        for path in ("/healthz", "/nothing", "/healthz"):
            await get(process.port, path, one.trusted)
        client = await Client.connect(process.port, one.trusted)
        async with asyncio.timeout(10):
            while "oscbridge_http_connections 1.0" not in (await client.get("/metrics"))[1]:
                await asyncio.sleep(0.01)
        page = (await client.get("/metrics"))[1]
        await client.close()
    assert 'oscbridge_http_responses_total{code="404"} 1.0' in page
    assert "oscbridge_http_closed_connections_total{" not in page


async def test_client_that_does_not_read_over_tls_is_closed(
    one: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HTTPServer, "limits", HTTPLimits(send_timeout=0.2))
    monkeypatch.setattr("oscbridge.monitoring.http_server.visible", lambda _each: "x" * 10_000_000)

    def connect(port: int) -> ssl.SSLSocket:
        sock = socket.create_connection(("127.0.0.1", port))
        client = one.trusted.wrap_socket(sock, server_hostname="localhost")
        client.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return client

    async with running(f'listen = "127.0.0.1:0"\n{one.toml}') as process:
        with await asyncio.to_thread(connect, process.port):
            page = ""
            async with asyncio.timeout(10):
                while 'reason="slow_reader"} 1.0' not in page:
                    page = (await get(process.port, "/metrics", one.trusted))[1]


async def test_long_response_over_tls_arrives_complete_and_the_connection_stays(
    one: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscbridge.monitoring.http_server.visible", lambda _each: "x" * 5_000_000)
    async with running(f'listen = "127.0.0.1:0"\n{one.toml}') as process:
        client = await Client.connect(process.port, one.trusted)
        for _ in range(2):
            status, text = await client.get("/readyz")
            assert (status, len(text)) == (200, 5_000_001)
        await client.close()


async def test_client_without_tls_is_closed_and_counted(
    one: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(f'listen = "127.0.0.1:0"\n{one.toml}') as process:
        reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
        writer.write(HEALTHZ)
        assert not (await reader.read()).startswith(b"HTTP/")
        writer.close()
        page = (await get(process.port, "/metrics", one.trusted))[1]
    assert 'oscbridge_http_closed_connections_total{reason="tls"} 1.0' in page
    assert "its URL must start with https://" in caplog.text
    assert "Traceback" not in caplog.text


async def test_unfinished_tls_handshakes_make_room_and_time_out(
    one: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = HTTPLimits(max_connections=8, request_timeout=1)
    monkeypatch.setattr(HTTPServer, "limits", limits)
    async with running(f'listen = "127.0.0.1:0"\n{one.toml}') as process:
        held = []
        for _ in range(64):
            held.append(await asyncio.open_connection("127.0.0.1", process.port))
            held[-1][1].write(b"\x16\x03\x01\x02\x00\x01\x00\x01")
        for _ in range(3):
            assert await get(process.port, trusted=one.trusted) == (200, "ok\n")
        for reader, writer in held:
            try:
                async with asyncio.timeout(10):
                    await reader.read()
            except ConnectionError:
                pass
            writer.close()
        page = (await get(process.port, "/metrics", one.trusted))[1]
    counts = {
        line.split('"')[1]: float(line.split()[1])
        for line in page.splitlines()
        if line.startswith("oscbridge_http_closed_connections_total{")
    }
    assert set(counts) == {"max_connections", "tls"}
    assert sum(counts.values()) == 64


@pytest.mark.parametrize(
    "attack", [b"hello\r\n\r\n", b"GET /" + b"x" * 30_000, HEALTHZ * 500, b"\r\n" * 10]
)
async def test_attack_over_tls_gets_an_answer(one: Certificate, attack: bytes) -> None:
    async with running(f'listen = "127.0.0.1:0"\n{one.toml}') as process:
        reader, writer = await asyncio.open_connection("127.0.0.1", process.port, ssl=one.trusted)
        writer.write(attack)
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        assert answer.count(b"HTTP/1.1 ") == 1
        expected = {HEALTHZ * 500: b"200", b"GET /" + b"x" * 30_000: b"431"}
        assert answer.split()[1] == expected.get(attack, b"400")
        assert await get(process.port, trusted=one.trusted) == (200, "ok\n")


async def test_name_in_the_certificate_needs_no_hosts(one: Certificate) -> None:
    listen = 'listen = "127.0.0.1:0"'
    async with running(f"{listen}\n{one.toml}") as process:
        client = await Client.connect(process.port, one.trusted)
        assert (await client.get("/healthz", Origin="https://evil.example"))[0] == 403
        await client.close()
    for hosts, status in (("", 200), ('hosts = ["stage.example"]', 421)):
        async with running(f"{listen}\n{one.toml}\n{hosts}") as process:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", process.port, ssl=one.trusted
            )
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: other.example\r\n\r\n")
            assert int((await reader.readline()).split()[1]) == status
            writer.close()


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('key = "{one.key}"', "has no effect without a certificate"),
        ('certificate = "{one.certificate}"', "no PEM private key"),
        ('certificate = "{one.certificate}"\nkey = "{two.key}"', "is not the key of"),
        ('certificate = "missing.pem"', "missing.pem': no such file"),
    ],
)
def test_unusable_certificate_is_a_problem(
    one: Certificate, two: Certificate, keys: str, problem: str
) -> None:
    text = f"[http]\n{keys.format(one=one, two=two)}\n{BRIDGE}"
    with pytest.raises(ConfigurationError, match=problem) as caught:
        parse(text, {}, "show.toml")
    assert str(caught.value).startswith("show.toml: http")


# --- reloads ---------------------------------------------------------------------------------


async def test_reload_reads_a_new_certificate_and_keeps_connections(
    one: Certificate, two: Certificate, tmp_path: Path
) -> None:
    used = Certificate(tmp_path / "used.pem", tmp_path / "used.key")
    for source, target in zip(
        (one.certificate, one.key), (used.certificate, used.key), strict=True
    ):
        shutil.copy(source, target)
    options = f'listen = "127.0.0.1:0"\n{used.toml}'
    async with running(options) as process:
        client = await Client.connect(process.port, one.trusted)
        assert await client.get("/healthz") == (200, "ok\n")
        assert await process.reload(options) == "nothing changed"
        for source, target in (two.certificate, used.certificate), (two.key, used.key):
            shutil.copy(source, target)
        assert "http: new certificate, valid until 20" in await process.reload(options)
        assert await client.get("/healthz") == (200, "ok\n")
        assert await get(process.port, trusted=two.trusted) == (200, "ok\n")
        with pytest.raises(ssl.SSLCertVerificationError):
            await get(process.port, trusted=one.trusted)
        await client.close()


async def test_reload_of_the_hosts_keeps_connections() -> None:
    options = 'listen = "127.0.0.1:0"'
    async with running(options) as process:
        client, port = await Client.connect(process.port), process.port
        request = b"GET /healthz HTTP/1.1\r\nHost: stage.example\r\nConnection: close\r\n\r\n"
        for changed, status in (("", 421), ('\nhosts = ["stage.example"]', 200)):
            await process.reload(options + changed)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            assert int((await reader.read()).split()[1]) == status
            writer.close()
            assert await client.get("/healthz") == (200, "ok\n")
        await client.close()


async def test_reload_can_switch_to_tls_and_back(one: Certificate) -> None:
    options = f'listen = "127.0.0.1:{free_port()}"'
    async with running(options) as process:
        await process.reload(f"{options}\n{one.toml}")
        assert await get(process.port, trusted=one.trusted) == (200, "ok\n")
        await process.reload(options)
        assert await get(process.port) == (200, "ok\n")


async def test_rejected_reload_keeps_connections_on_the_old_port() -> None:
    old, taken = free_port(), free_port()
    async with running(f'listen = "127.0.0.1:{old}"') as process:
        client = await Client.connect(old)
        assert await client.get("/healthz") == (200, "ok\n")
        other = await asyncio.start_server(lambda *_: None, "127.0.0.1", taken)
        with pytest.raises(OSCBridgeError, match="address already in use"):
            await process.reload(f'listen = "127.0.0.1:{taken}"')
        other.close()
        assert await client.get("/healthz") == (200, "ok\n")
        await client.close()
        await process.reload(f'listen = "127.0.0.1:{taken}"')
        assert await get(taken) == (200, "ok\n")
        with pytest.raises(ConnectionError):
            await get(old)


# --- tokens ----------------------------------------------------------------------------------


async def test_health_and_metrics_ask_for_no_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("right-and-secret\n")
    token = f'[[token]]\nname = "a"\nsecret = {{ file = "{tmp_path}/token" }}\n'
    async with running() as process:
        process.rest = BRIDGE + token
        await process.reload(process.options)
        for path in ("/healthz", "/readyz", "/metrics?token=x"):
            assert (await get(process.port, path, Authorization="Bearer wrong"))[0] == 200
        for path in ("/", "/healthz/", "/%68ealthz", "/healthz%3Fx", "//healthz"):
            assert await get(process.port, path) == (401, "a token is required\n")
            given = {"Authorization": "Bearer right-and-secret"}
            assert (await get(process.port, path, **given))[0] == 404
        page = (await get(process.port, "/metrics"))[1]
    assert "oscbridge_http_refused_clients_total 0.0" in page


async def test_wrong_tokens_count_for_the_client_of_a_trusted_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscbridge.access.token_failures.FIRST_DELAY", 0.0)
    (tmp_path / "token").write_text("right-and-secret\n")
    token = f'[[token]]\nname = "a"\nsecret = {{ file = "{tmp_path}/token" }}\n'
    wrong = {"Authorization": "Bearer wrong"}
    async with running() as process:
        process.rest = BRIDGE + token
        await process.reload('listen = "127.0.0.1:0"\ntrusted_proxies = ["127.0.0.1"]')
        for _ in range(MAX_FAILURES):
            assert (await get(process.port, "/", XFF="192.0.2.1", **wrong))[0] == 401
        assert (await get(process.port, "/", XFF="192.0.2.1", **wrong))[0] == 429
        assert (await get(process.port, "/", XFF="192.0.2.2", **wrong))[0] == 401
        assert (await get(process.port, "/", XFF="1.2.3.4, 192.0.2.1", **wrong))[0] == 429


async def test_delayed_answers_to_guesses_leave_room_for_health(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HTTPServer, "limits", HTTPLimits(max_connections=4, request_timeout=60.0))
    for name in ("FIRST_DELAY", "MAX_DELAY"):
        monkeypatch.setattr(f"oscbridge.access.token_failures.{name}", 60.0)
    (tmp_path / "token").write_text("right-and-secret\n")
    token = f'[[token]]\nname = "a"\nsecret = {{ file = "{tmp_path}/token" }}\n'
    async with running() as process:
        process.rest = BRIDGE + token
        await process.reload(process.options)
        guessing = []
        for _ in range(8):
            guessing.append(await asyncio.open_connection("127.0.0.1", process.port))
            guessing[-1][1].write(b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n")
        async with asyncio.timeout(20):
            for _ in range(3):
                assert (await get(process.port))[0] == 200
        for _, writer in guessing:
            writer.close()


# --- start -----------------------------------------------------------------------------------


async def test_health_is_answered_while_the_bridge_takes_long_to_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Waiting, "gate", asyncio.Event())
    port = free_port()
    process = Process(f'listen = "127.0.0.1:{port}"', '[endpoint.b]\ntype = "waiting"\n' + BRIDGE)
    starting = asyncio.create_task(process.service.start())
    try:
        async with asyncio.timeout(10):
            while not process.service.http_address:
                await asyncio.sleep(0.01)
        assert await get(port) == (200, "ok\n")
        assert (await get(port, "/readyz"))[0] == 503
        assert not starting.done()
    finally:
        Waiting.gate.set()
        await starting
        await process.service.stop()


async def test_stop_right_after_the_start_closes_the_port() -> None:
    async with running() as process:
        port = process.port
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)
