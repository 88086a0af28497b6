"""Ways to a broker, and what is said when there is none."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import oscbridge
from oscbridge import Message
from oscbridge.bridge.config.config import parse
from oscbridge.plugins import Plugins


def tls(folder: Path, *more: str) -> tuple[str, ...]:
    return (f"certfile {folder}/server.pem", f"keyfile {folder}/server.key", *more)


def secure(broker: Any) -> str:
    return f"mqtts://localhost:{broker.port}"


async def test_tls_with_an_authority_of_our_own(
    start_broker: Any, start: Any, certificates: Path, until: Any
) -> None:
    broker = await start_broker(*tls(certificates))
    bridge = await start(
        secure(broker), f'ca = "{certificates}/ca.pem"\nqos = 1\nsubscribe = ["echo/#"]'
    )
    bridge.offer(*[Message.of("/a", index) for index in range(500)])
    await until(lambda: bridge.delivery.sent == 500)


async def test_over_tls_qos_0_and_large_payloads_pass_both_ways(
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


async def test_a_client_certificate_is_shown(
    start_broker: Any, start: Any, certificates: Path, problem_of: Any
) -> None:
    broker = await start_broker(
        *tls(certificates, f"cafile {certificates}/ca.pem", "require_certificate true")
    )
    ca = f'ca = "{certificates}/ca.pem"\n'
    shown = f'certificate = "{certificates}/client.pem"\nkey = "{certificates}/client.key"'
    bridge = await start(secure(broker), ca + shown)
    assert bridge.delivery.connected
    without = await start(secure(broker), ca, connected=False)
    assert "certificate" in (await problem_of(without)).lower()


async def test_a_broker_of_another_authority_is_not_trusted(
    start_broker: Any, start: Any, certificates: Path, problem_of: Any
) -> None:
    broker = await start_broker(*tls(certificates))
    bridge = await start(secure(broker), f'ca = "{certificates}/other.pem"', connected=False)
    assert (await problem_of(bridge)) == (
        "the broker's certificate is not trusted: unable to get local issuer certificate; "
        "name the authority that signed it: ca = ..."
    )


async def test_the_name_of_the_host_is_checked(
    start_broker: Any, start: Any, certificates: Path, problem_of: Any
) -> None:
    broker = await start_broker(*tls(certificates))
    bridge = await start(
        f"mqtts://127.0.0.1:{broker.port}", f'ca = "{certificates}/ca.pem"', connected=False
    )
    assert "connect by a name that is in it, not as 127.0.0.1" in await problem_of(bridge)


async def test_tls_at_a_port_without_it_is_said(broker: Any, start: Any, problem_of: Any) -> None:
    bridge = await start(secure(broker), connected=False)
    assert await problem_of(bridge)


async def test_a_new_certificate_is_a_new_connection_and_a_broken_one_is_refused(
    start_broker: Any, start: Any, certificates: Path, tmp_path: Path
) -> None:
    broker = await start_broker(*tls(certificates))
    ca = tmp_path / "ca.pem"
    ca.write_bytes((certificates / "ca.pem").read_bytes())
    bridge = await start(secure(broker), f'ca = "{ca}"')
    options = bridge.endpoint.options
    assert bridge.endpoint.update(options)
    ca.write_bytes(b"no certificate")
    with pytest.raises(oscbridge.ConfigurationError, match="no certificate"):
        bridge.endpoint.update(options)
    ca.write_bytes((certificates / "other.pem").read_bytes())
    assert not bridge.endpoint.update(options)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_mqtt_over_websocket(
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
    """A broker that asks for a password and knows what each may do."""
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
async def test_a_password_lets_in(guarded: Any, start: Any, tmp_path: Path, version: str) -> None:
    options = with_password("right", tmp_path) + f'version = "{version}"'
    assert (await start(guarded, options)).delivery.connected


@pytest.mark.parametrize(
    ("version", "reason"),
    [("5", "Not authorized"), ("3.1.1", "Not authorized")],
)
async def test_a_wrong_password_is_said(
    guarded: Any, start: Any, tmp_path: Path, version: str, reason: str, problem_of: Any
) -> None:
    options = with_password("wrong", tmp_path) + f'version = "{version}"'
    bridge = await start(guarded, options, connected=False)
    assert (await problem_of(bridge)).startswith(
        f"the broker refuses: {reason}; check username and password"
    )


async def test_a_topic_that_the_broker_refuses_is_named_and_counted_and_the_rest_goes_on(
    guarded: Any, start: Any, watch: Any, tmp_path: Path, caplog: Any, until: Any
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
    assert bridge.delivery.sent == 5
    assert "the broker refuses /closed/0 as closed/0: Not authorized" in caplog.text


@pytest.mark.parametrize(
    ("version", "reason"), [("5", "Not authorized"), ("3.1.1", "Unspecified error")]
)
async def test_a_subscription_that_the_broker_refuses_is_said_and_the_others_work(
    watch: Any, start: Any, until: Any, caplog: Any, start_broker: Any, tmp_path: Path,
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
    await until(lambda: bridge.delivery.refusals)
    assert f"a subscription to closed/x by the broker: {reason}" in caplog.text


async def test_a_broker_that_is_away_at_the_start_is_found_later(
    start_broker: Any, start: Any, watch: Any, problem_of: Any
) -> None:
    broker = await start_broker()
    broker.end()
    bridge = await start(broker, "qos = 1", connected=False)
    assert await problem_of(bridge) == "connection refused; nothing listens there"
    bridge.send(Message.of("/a", 1))
    await broker.start()
    watcher = await watch(broker, "a")
    assert (await watcher.next()).payload == b"1"


async def test_a_broker_that_takes_the_connection_and_never_answers_is_said(
    start: Any, listening: int, problem_of: Any
) -> None:
    bridge = await start(f"mqtt://127.0.0.1:{listening}", connected=False)
    problem = await problem_of(bridge)
    assert "no answer came within 8 s" in problem


async def test_a_stop_does_not_wait_for_a_broker_that_says_nothing(
    start: Any, listening: int
) -> None:
    bridge = await start(f"mqtts://127.0.0.1:{listening}", connected=False)
    async with asyncio.timeout(3):
        await bridge.app.stop()


async def test_what_is_no_broker_is_said(start: Any, problem_of: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        bridge = await start(f"mqtt://127.0.0.1:{port}", connected=False)
        assert await problem_of(bridge)


async def test_a_client_with_the_same_name_is_hinted_at(
    broker: Any, start: Any, watch: Any, problem_of: Any
) -> None:
    bridge = await start(broker, 'client_id = "twin"')
    await watch(broker, client_id="twin")
    assert "is there another client with client_id = 'twin'?" in await problem_of(bridge)


def check(text: str) -> str:
    with pytest.raises(oscbridge.ConfigurationError) as caught:
        parse(text, Plugins().endpoint_types, "test")
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('broker = "localhost"', "write it as mqtt://host:port"),
        ('broker = "http://localhost"', "unknown transport 'http'"),
        ('broker = "mqtt://me:secret@localhost"', "name and password stand under"),
        ('prefix = "a/#"', "cannot have '#' in it"),
        ('client_id = "a b"', "1 to 128 characters"),
        ('subscribe = ["a/b#"]', "stand for a whole level"),
        ('subscribe = ["$share/a"]', "$share/group/topic"),
        ('subscribe = ["a", "a"]', "stands twice"),
        ('subscribe = [{topic="a/+", address="/x/{2}"}]', "{2} is unknown; there is {1}"),
        ('subscribe = [{topic="a", types="q"}]', "'q' is no type"),
        ('payload = "xml"', "expected json, text, typed, osc, or a template"),
        ('password = "secret"', "a secret must not be written in the configuration"),
        ('ca = "ca.pem"', "no such file"),
    ],
)
def test_a_mistake_in_the_options_is_explained(line: str, said: str) -> None:
    assert said in check(f'[endpoint.mqtt]\ntype = "mqtt"\n{line}\n')


def test_a_mistake_in_a_route_is_explained() -> None:
    text = (
        '[bridge.osc]\n[endpoint.mqtt]\ntype = "mqtt"\n[[route]]\nfrom = "osc"\nto = "mqtt"\n'
        'mqtt = { topic = "a/#/{ch}" }\n'
    )
    assert "a topic to publish to cannot have '#' in it" in check(text)
