"""Connecting to brokers, and the errors when that fails."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import oscbridge
from oscbridge import Message
from oscbridge.testing import check_configuration, until


def tls(folder: Path, *more: str) -> tuple[str, ...]:
    return (f"certfile {folder}/server.pem", f"keyfile {folder}/server.key", *more)


def secure(broker: Any) -> str:
    return f"mqtts://localhost:{broker.port}"


async def test_tls_accepts_a_broker_of_a_configured_authority(
    start_broker: Any, start: Any, certificates: Path
) -> None:
    broker = await start_broker(*tls(certificates))
    bridge = await start(
        secure(broker), f'ca = "{certificates}/ca.pem"\nqos = 1\nsubscribe = ["echo/#"]'
    )
    bridge.offer(*[Message.of("/a", index) for index in range(500)])
    await until(lambda: bridge.status.sent == 500)


async def test_tls_transfers_large_payloads_both_ways(
    start_broker: Any, start: Any, certificates: Path
) -> None:
    broker = await start_broker(*tls(certificates))
    ca = f'ca = "{certificates}/ca.pem"\n'
    source = await start(secure(broker), ca + 'client_id = "one"')
    sink = await start(secure(broker), ca + 'client_id = "two"\nsubscribe = ["big/#"]')
    texts = [f"{index}" * 10_000 for index in range(6)]
    source.offer(*[Message.of("/big/t", text) for text in texts])
    assert [(await sink.next()).args[0] for _ in texts] == [
        int(text) if len(text) < 20 else text for text in texts
    ]


async def test_tls_sends_the_client_certificate(
    start_broker: Any, start: Any, certificates: Path, problem_of: Any
) -> None:
    broker = await start_broker(
        *tls(certificates, f"cafile {certificates}/ca.pem", "require_certificate true")
    )
    ca = f'ca = "{certificates}/ca.pem"\n'
    shown = f'certificate = "{certificates}/client.pem"\nkey = "{certificates}/client.key"'
    bridge = await start(secure(broker), ca + shown)
    assert bridge.status.connected
    without = await start(secure(broker), ca, connected=False)
    assert "certificate" in (await problem_of(without)).lower()


async def test_tls_rejects_a_broker_of_another_authority(
    start_broker: Any, start: Any, certificates: Path, problem_of: Any
) -> None:
    broker = await start_broker(*tls(certificates))
    bridge = await start(secure(broker), f'ca = "{certificates}/other.pem"', connected=False)
    assert (await problem_of(bridge)) == (
        "the broker's certificate is not trusted: unable to get local issuer certificate; "
        "set ca to the certificate of its authority"
    )


async def test_tls_checks_the_host_name(
    start_broker: Any, start: Any, certificates: Path, problem_of: Any
) -> None:
    broker = await start_broker(*tls(certificates))
    bridge = await start(
        f"mqtts://127.0.0.1:{broker.port}", f'ca = "{certificates}/ca.pem"', connected=False
    )
    assert "connect by a name in the certificate instead of 127.0.0.1" in await problem_of(bridge)


async def test_tls_to_a_plain_port_is_reported(broker: Any, start: Any, problem_of: Any) -> None:
    bridge = await start(secure(broker), connected=False)
    assert await problem_of(bridge)


async def test_update_reconnects_for_a_new_certificate_and_rejects_an_invalid_one(
    start_broker: Any, start: Any, certificates: Path, tmp_path: Path
) -> None:
    broker = await start_broker(*tls(certificates))
    ca = tmp_path / "ca.pem"
    ca.write_bytes((certificates / "ca.pem").read_bytes())
    bridge = await start(secure(broker), f'ca = "{ca}"')
    options = bridge.endpoint.options
    assert bridge.endpoint.update(options)
    ca.write_bytes(b"invalid")
    with pytest.raises(oscbridge.ConfigurationError, match="not a valid certificate"):
        bridge.endpoint.update(options)
    ca.write_bytes((certificates / "other.pem").read_bytes())
    assert not bridge.endpoint.update(options)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_websocket_transfers_messages_both_ways(
    start_broker: Any, start: Any, certificates: Path, scheme: str
) -> None:
    lines = tls(certificates) if scheme == "wss" else ()
    broker = await start_broker(*lines, websocket=True)
    ca = f'ca = "{certificates}/ca.pem"\n' if scheme == "wss" else ""
    url = f"{scheme}://localhost:{broker.port}/mqtt"
    sink = await start(url, ca + 'client_id = "sink"\nsubscribe = ["a/#"]')
    source = await start(url, ca + 'client_id = "source"')
    sent = [Message.of("/a/b", index) for index in range(200)]
    source.offer(*sent)
    assert [(await sink.next()).args for _ in sent] == [message.args for message in sent]


@pytest.fixture
async def guarded(start_broker: Any, tmp_path: Path) -> Any:
    """A broker with a password file and an access control list."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, "bridge", "right"], check=True)
    rights = tmp_path / "rights"
    rights.write_text("user bridge\ntopic readwrite open/#\ntopic read some/#\n")
    for file in (passwords, rights):
        file.chmod(0o600)
    return await start_broker(
        "allow_anonymous false", f"password_file {passwords}", f"acl_file {rights}"
    )


def with_password(text: str, folder: Path) -> str:
    file = folder / "secret"
    file.write_text(f"{text}\n")
    return f'username = "bridge"\npassword = {{ file = "{file}" }}\nprefix = "open"\n'


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_password_is_sent(guarded: Any, start: Any, tmp_path: Path, version: str) -> None:
    options = with_password("right", tmp_path) + f'version = "{version}"'
    assert (await start(guarded, options)).status.connected


@pytest.mark.parametrize(
    ("version", "reason"),
    [("5", "Not authorized"), ("3.1.1", "Not authorized")],
)
async def test_wrong_password_is_reported_with_a_hint(
    guarded: Any, start: Any, tmp_path: Path, version: str, reason: str, problem_of: Any
) -> None:
    options = with_password("wrong", tmp_path) + f'version = "{version}"'
    bridge = await start(guarded, options, connected=False)
    assert (await problem_of(bridge)).startswith(
        f"the broker rejected the connection: {reason}; check username and password"
    )


async def test_rejected_publication_is_counted_and_the_others_are_delivered(
    guarded: Any, start: Any, watch: Any, tmp_path: Path, caplog: Any
) -> None:
    bridge = await start(
        guarded,
        with_password("right", tmp_path) + 'qos = 1\nsubscribe = ["open/#"]',
        '[[route]]\nfrom="osc"\nto="mqtt"\nmqtt={topic="{address}"}\n',
    )
    watcher = await watch(guarded, "open/#", username="bridge", password="right")
    bridge.send(*[Message.of(f"/{where}/{n}", n) for n in range(5) for where in ("open", "closed")])
    seen = [(await watcher.get(f"open/{n}")).payload for n in range(5)]
    assert seen == [b"0", b"1", b"2", b"3", b"4"]
    await until(lambda: bridge.drops["bad"] == 5)
    assert bridge.status.sent == 5
    assert "/closed/0: rejected by the broker as closed/0: Not authorized" in caplog.text


@pytest.mark.parametrize(
    ("version", "reason"), [("5", "Not authorized"), ("3.1.1", "Unspecified error")]
)
async def test_rejected_subscription_is_reported_and_the_others_work(
    watch: Any, start: Any, caplog: Any, start_broker: Any, tmp_path: Path,
    version: str, reason: str,
) -> None:  # fmt: skip
    rights = tmp_path / "rights.json"
    rights.write_text(
        json.dumps(
            {
                "defaultACLAccess": {
                    "publishClientSend": True,
                    "publishClientReceive": True,
                    "subscribe": False,
                    "unsubscribe": True,
                },
                "clients": [],
                "anonymousGroup": "all",
                "groups": [{"groupname": "all", "roles": [{"rolename": "open"}]}],
                "roles": [
                    {
                        "rolename": "open",
                        "acls": [{"acltype": "subscribePattern", "topic": "open/#", "allow": True}],
                    }
                ],
            }
        )
    )
    [plugin] = Path("/usr/lib").glob("*/mosquitto_dynamic_security.so")
    broker = await start_broker(f"plugin {plugin}", f"plugin_opt_config_file {rights}")
    bridge = await start(
        broker, f'version = "{version}"\nprefix = "open"\nsubscribe = ["closed/x", "open/x"]'
    )
    (await watch(broker)).publish("open/x", "1")
    assert (await bridge.next()).address == "/x"
    await until(lambda: bridge.status.refused)
    assert f"subscription to closed/x rejected by the broker: {reason}" in caplog.text


async def test_unreachable_broker_is_connected_when_it_starts(
    start_broker: Any, start: Any, watch: Any, problem_of: Any
) -> None:
    broker = await start_broker()
    broker.end()
    bridge = await start(broker, "qos = 1", connected=False)
    assert await problem_of(bridge) == "connection refused; nothing listens there"
    bridge.send(Message.of("/a", 1))
    broker.start()
    watcher = await watch(broker, "a")
    assert (await watcher.next()).payload == b"1"


async def test_silent_listener_is_reported(start: Any, listening: int, problem_of: Any) -> None:
    bridge = await start(f"mqtt://127.0.0.1:{listening}", connected=False)
    problem = await problem_of(bridge)
    assert "no answer within 8 s" in problem


async def test_stop_does_not_wait_for_a_tls_handshake(start: Any, listening: int) -> None:
    bridge = await start(f"mqtts://127.0.0.1:{listening}", connected=False)
    async with asyncio.timeout(6):  # the handshake has 8 s
        await bridge.stop()


async def test_http_server_is_reported(start: Any, problem_of: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        bridge = await start(f"mqtt://127.0.0.1:{port}", connected=False)
        assert await problem_of(bridge)


async def test_duplicate_client_id_is_reported_with_a_hint(
    broker: Any, start: Any, watch: Any, problem_of: Any
) -> None:
    bridge = await start(broker, 'client_id = "twin"')
    await watch(broker, client_id="twin")
    assert "is there another client with client_id = 'twin'?" in await problem_of(bridge)


def check(text: str) -> str:
    with pytest.raises(oscbridge.ConfigurationError) as caught:
        check_configuration(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('broker = "localhost"', "expected mqtt://host:port"),
        ('broker = "http://localhost"', "unknown scheme 'http'"),
        ('broker = "mqtt://me:secret@localhost"', "set username and password under their own keys"),
        ('prefix = "a/#"', "must not contain '#'"),
        ('client_id = "a b"', "1 to 128 characters"),
        ('subscribe = ["a/b#"]', "must be whole levels"),
        ('subscribe = ["$share/a"]', "$share/group/topic"),
        ('subscribe = ["a", "a"]', "duplicate topic 'a'"),
        (
            'subscribe = [{topic="a/+", address="/x/{2}"}]',
            "unknown placeholder {2}; available: {1}",
        ),
        ('subscribe = [{topic="a", types="q"}]', "'q' is not a valid type tag"),
        ('payload = "xml"', "expected auto, json, text, number, raw, typed, osc, or a template"),
        ('password = "secret"', "a secret must not be written in the configuration"),
        ('ca = "ca.pem"', "no such file"),
    ],
)
def test_invalid_option_is_explained(line: str, said: str) -> None:
    assert said in check(f'[endpoint.mqtt]\ntype = "mqtt"\n{line}\n')


def test_invalid_route_option_is_explained() -> None:
    text = (
        '[bridge.osc]\n[endpoint.mqtt]\ntype = "mqtt"\n[[route]]\nfrom = "osc"\nto = "mqtt"\n'
        'mqtt = { topic = "a/#/{ch}" }\n'
    )
    assert "a topic for publishing must not contain '#'" in check(text)
