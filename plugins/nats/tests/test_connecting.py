"""Connecting: credentials, TLS, refusals, and servers that are none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nkeys
import pytest
from certificates import make_certificate

from oscbridge import ConfigurationError, Message
from oscbridge.testing import check_configuration, until

USER = 'authorization { user: "stage", password: "secret" }'
TOKEN = 'authorization { token: "secret" }'


@pytest.fixture
def secret(tmp_path: Path) -> str:
    (tmp_path / "secret").write_text("secret\n")
    return f'{{ file = "{tmp_path / "secret"}" }}'


@pytest.mark.parametrize(
    ("lines", "options"),
    [(USER, 'user = "stage"\npassword = {secret}'), (TOKEN, "token = {secret}")],
)
async def test_credentials_are_accepted(
    start_server: Any, start: Any, secret: str, lines: str, options: str
) -> None:
    server = await start_server(lines)
    bridge = await start(server, options.format(secret=secret))
    assert bridge.endpoint.describe() == server.url


def seed_of() -> bytes:
    return nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER)


async def test_nkey_is_accepted(start_server: Any, start: Any, tmp_path: Path) -> None:
    seed = seed_of()
    public = nkeys.from_seed(bytearray(seed)).public_key.decode()
    (tmp_path / "seed").write_bytes(seed)
    server = await start_server(f"authorization {{ users: [{{ nkey: {public} }}] }}")
    bridge = await start(server, f'nkey = {{ file = "{tmp_path / "seed"}" }}')
    assert bridge.status.connected


@pytest.mark.parametrize("options", ["", 'user = "stage"\npassword = {secret}'])
async def test_refusal_says_what_to_check(
    start_server: Any, start: Any, secret: str, options: str
) -> None:
    server = await start_server('authorization { user: "stage", password: "other" }')
    bridge = await start(server, options.format(secret=secret), connected=False)
    problem = await bridge.problem("Authorization Violation")
    assert problem == (
        f"{server.url}: the server rejected the connection: Authorization Violation; "
        "check user and password, token, nkey or credentials"
    )


async def test_subject_that_is_not_permitted_is_reported(
    start_server: Any, start: Any, secret: str
) -> None:
    server = await start_server(
        'authorization { users: [{ user: "stage", password: "secret", permissions: '
        '{ publish: ["osc.allowed.>", "_INBOX.>"], subscribe: ["osc.>", "_INBOX.>"] } }] }'
    )
    bridge = await start(server, f'user = "stage"\npassword = {secret}')
    bridge.offer(Message.of("/secret", 1), Message.of("/allowed/x", 1))
    await until(lambda: bridge.status.refused == 1)
    text = 'refused permissions violation for publish to "osc.secret"'
    assert f"WARNING oscbridge.endpoint.hub: {text}" in bridge.bridge.log
    assert bridge.status.connected


async def test_user_who_may_not_use_jetstream_is_told(
    start_server: Any, start: Any, secret: str
) -> None:
    server = await start_server(
        'accounts { A: { jetstream: enabled, users: [{ user: "stage", password: "secret", '
        'permissions: { publish: ["osc.>"], subscribe: [">"] } }] } }',
        'jetstream { store_dir: "store" }',
    )
    options = f'user = "stage"\npassword = {secret}\nstream = "show"\n'
    route = '[[route]]\nfrom = "osc"\nto = "hub"\nnats = { mode = "jetstream" }\n'
    bridge = await start(server, options, route, connected=False)
    problem = await bridge.problem(
        'permissions violation for publish to "$js.api.stream.info.show"'
    )
    assert problem.startswith("JetStream: ") and problem.endswith("; permit it to the user")


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    for name in ("server", "other"):
        make_certificate(tmp_path, name)
    return tmp_path


def tls(folder: Path) -> str:
    return f'tls {{ cert_file: "{folder}/server.pem", key_file: "{folder}/server.key" }}'


@pytest.mark.parametrize("scheme", ["tls", "nats"])
async def test_own_authority_is_trusted(
    start_server: Any, start: Any, certificates: Path, scheme: str
) -> None:
    server = await start_server(tls(certificates))
    url = server.url.replace("nats://127.0.0.1", f"{scheme}://localhost")
    bridge = await start(url, f'ca = "{certificates}/server.pem"')
    assert bridge.endpoint.describe() == url


async def test_certificate_of_an_unknown_authority_is_refused(
    start_server: Any, start: Any, certificates: Path
) -> None:
    server = await start_server(tls(certificates))
    url = server.url.replace("nats://127.0.0.1", "tls://localhost")
    options = f'ca = "{certificates}/other.pem"'
    bridge = await start(url, options, connected=False)
    problem = await bridge.problem("not trusted")
    assert "set ca to the certificate of its authority" in problem


async def test_server_without_tls_never_gets_the_password(
    start_server: Any, start: Any, secret: str
) -> None:
    server = await start_server(USER)
    url = server.url.replace("nats:", "tls:")
    bridge = await start(url, f'user = "stage"\npassword = {secret}', connected=False)
    problem = await bridge.problem("does not offer TLS")
    assert problem.startswith(f"{url}: the server does not offer TLS; set the scheme to nats://")


@pytest.fixture
async def speaker() -> AsyncIterator[Any]:
    """Starts servers that send some bytes to each client, and then keep silent."""
    servers: list[asyncio.Server] = []
    writers: list[asyncio.StreamWriter] = []

    async def speak(data: bytes, answer: bytes = b"") -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            writer.write(data)
            if answer:
                while b"PING" not in await reader.readline():
                    pass
                writer.write(answer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield speak
    for server in servers:
        server.close()
    for writer in writers:
        writer.transport.abort()


HOSTILE = [
    (b"", "no answer within 2 s; is this a NATS server?"),
    (b"HTTP/1.1 400 Bad Request\r\n", "not a NATS server: it does not begin with INFO"),
    (b"INFO {\r\n", "not a NATS server"),
    (b"INFO " + b"x" * 200_000, "not a NATS server"),
    (b"INFO []\r\n", "not a NATS server"),
]


@pytest.mark.parametrize(("data", "problem"), HOSTILE, ids=range(len(HOSTILE)))
async def test_server_that_is_none_is_named(
    speaker: Any, start: Any, data: bytes, problem: str
) -> None:
    bridge = await start(await speaker(data), connected=False)
    assert problem in await bridge.problem(problem)


INFO = b'INFO {"server_id":"x","version":"2.15.0","headers":true,"max_payload":1048576}\r\n'
LATER = [
    (b"garbage\r\n", "invalid command"),
    (b"-ERR\r\n", "invalid command"),
    (b"INFO {\r\n", "invalid command"),
    (b"x" * 200_000, "invalid command"),
    (b"MSG a 1 99999999999\r\n" + b"x" * 1_000, "invalid command"),
    (b"-ERR 'Slow Consumer'\r\n", "slow consumer"),
]


@pytest.mark.parametrize(("data", "problem"), LATER, ids=range(len(LATER)))
async def test_hostile_server_costs_the_connection_only(
    speaker: Any, start: Any, data: bytes, problem: str
) -> None:
    url = await speaker(INFO, b"PONG\r\n" + data)
    bridge = await start(url, 'subscribe = ["osc.>"]', connected=False)
    assert problem in (await bridge.problem(problem)).lower()


async def test_server_that_takes_no_more_clients_says_so(
    start_server: Any, start: Any, watch: Any
) -> None:
    server = await start_server("max_connections: 1")
    await watch(server)
    bridge = await start(server, connected=False)
    problem = await bridge.problem("maximum connections exceeded")
    assert problem.endswith("; the server accepts no more clients")


async def test_missing_client_certificate_is_named(
    start_server: Any, start: Any, certificates: Path
) -> None:
    lines = f'{tls(certificates)[:-1]}, verify: true, ca_file: "{certificates}/server.pem" }}'
    server = await start_server(lines)
    url = server.url.replace("nats://127.0.0.1", "tls://localhost")
    options = f'ca = "{certificates}/server.pem"'
    bridge = await start(url, options, connected=False)
    await bridge.problem("a server may require a client certificate: set certificate and key")


async def test_next_server_is_used_when_one_is_lost(start_server: Any, start: Any) -> None:
    one, two = await start_server(), await start_server()
    bridge = await start([one.url, two.url])
    assert bridge.endpoint.describe() == one.url
    one.end()
    await until(lambda: bridge.endpoint.describe() == two.url and bridge.status.connected)


CREDENTIALS = """[bridge.osc]
[endpoint.hub]
type = "nats"
{options}
"""

PROBLEMS = [
    ('servers = "10.0.0.1"', "expected nats://host:port"),
    ('servers = "http://10.0.0.1"', "unknown scheme 'http'; available: nats, tls"),
    ('servers = "nats://a:b@10.0.0.1"', "set user and password under their own keys"),
    ('servers = ["nats://a", "tls://b"]', "must have the same scheme"),
    ('user = "x"', "user and password must be set together"),
    ('prefix = "osc.>"', "a prefix must not contain '>'"),
    ('subscribe = ["a..b"]', "must not have an empty part"),
    ('subscribe = ["a", "a"]', "duplicate subject 'a'"),
    ('subscribe = [{ subject = "a", durable = "w" }]', "set stream"),
    ('subscribe = [{ subject = "a", partitions = 2 }]', "partitions requires durable"),
    ('stream = "s"\nsubscribe = [{ subject = "a", durable = "w", queue = "q" }]', "remove queue"),
    ('stream = "a b"', "letters, digits"),
    ('payload = "xml"', "expected osc, json, text"),
    ('[[route]]\nfrom = "osc"\nto = "hub"\nnats = { mode = "jetstream" }', "set stream"),
    ('[[route]]\nfrom = "osc"\nto = "hub"\nnats = { mode = "fast" }', "mode"),
    ('[[route]]\nfrom = "osc"\nto = "hub"\nnats = { subject = "a.{x}" }', "x"),
    ('[[route]]\nfrom = "osc"\nto = "hub"\nnats = { subject = "a.>" }', "must not contain '>'"),
    ('stream = "s"\nprefix = ""\n[[route]]\nfrom = "osc"\nto = "hub"\n'
     'nats = { mode = "jetstream" }', "requires a prefix"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "problem"), PROBLEMS, ids=range(len(PROBLEMS)))
def test_check_finds_the_mistake(tmp_path: Path, options: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem.replace("(", r"\(")):
        check_configuration(CREDENTIALS.format(options=options), tmp_path)


async def test_file_without_credentials_is_named(server: Any, start: Any, tmp_path: Path) -> None:
    (tmp_path / "x.creds").write_text("-----BEGIN NATS USER JWT-----\n")
    options = f'credentials = "{tmp_path / "x.creds"}"'
    bridge = await start(server, options, connected=False)
    assert "expected a .creds file" in await bridge.problem("credentials")
