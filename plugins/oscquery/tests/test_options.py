"""The keys of the endpoint, their errors, and reloads."""

from __future__ import annotations

import pytest
from query_bridge import QueryBridge
from query_bridge import StartQueryBridge as Start

import oscbridge
from oscbridge.testing import check_configuration

ENDPOINT = '[endpoint.q]\ntype = "oscquery"\n'


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("", "set listen for a server, or url or find for a client"),
        ('listen = "127.0.0.1:1"\nurl = "http://a:1"', "set listen for a server, or url"),
        ('url = "http://a:1"\nfind = "x"', "set listen for a server, or url or find"),
        ('url = "ws://a:1"', "must be a URL like http://192.168.1.40:9001, got 'ws://a:1'"),
        ('url = "http://a:1/path"', "must end after the port"),
        ('url = "http://a:99999"', "is not a valid URL"),
        ('url = "http://a:1"\nosc_port = 5', "osc_port: only possible for a server (listen)"),
        ('listen = "a:1"\npoll = 1.0', "poll: only possible for a client (url or find)"),
        ('listen = "a:1"\nosc_port = 70000', "osc_port"),
        ('listen = "a:1"\nadvertise = "desk"', "must be an IPv4 address, got 'desk'"),
        ('listen = "a:1"\nadvertise = "0.0.0.0"', "must be an address of this machine"),
        ('listen = "a:1"\nname = ""', "must have 1 to 63 bytes"),
        ('listen = "a:1"\nname = "a\\tb"', "must have 1 to 63 bytes"),
        ('listen = "a:1"\nannounce = ""', "must not be empty"),
        ('find = "' + "x" * 64 + '"', "must be at most 63 bytes long"),
        ('listen = "a:1"\norigins = ["x"]', "origins"),
        ('listen = "a:1"\nmax_connection = 1', "max_connections"),
    ],
)
def test_wrong_key_is_a_problem(keys: str, text: str) -> None:
    with pytest.raises(oscbridge.ConfigurationError) as caught:
        check_configuration(ENDPOINT + keys)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "keys", ['listen = "127.0.0.1:9000"', 'listen = "[::]:1"\nosc_port = 9000']
)
def test_port_of_a_bridge_is_a_problem(keys: str) -> None:
    text = '[bridge.stage]\nlisten = "udp://127.0.0.1:9000"\n' + ENDPOINT + keys
    with pytest.raises(oscbridge.ConfigurationError, match=r"bridge\.stage already listens"):
        check_configuration(text)
    check_configuration(
        text.replace("osc_port = 9000", "osc_port = 0").replace(":9000", ":9001", 1)
    )


async def test_reload_with_other_limits_keeps_the_connections(bridge: QueryBridge) -> None:
    client = await bridge.join()
    before = bridge.endpoint
    text = bridge.text.replace(
        'listen = "127.0.0.1:0"\n\n', 'listen = "127.0.0.1:0"\nmax_rate = 5\n'
    )
    assert text != bridge.text
    await bridge.bridge.reload(text)
    assert bridge.endpoint is before
    await client.settled()


async def test_reload_with_another_name_is_seen_at_once(start: Start) -> None:
    bridge = await start('name = "One"')
    await bridge.bridge.reload(bridge.text.replace('"One"', '"Two"'))
    info = (await bridge.get("/?HOST_INFO")).json
    assert isinstance(info, dict)
    assert info["NAME"] == "Two"


async def test_reload_with_another_port_moves_the_server(bridge: QueryBridge, port: int) -> None:
    client = await bridge.join()
    text = bridge.text.replace(
        'type   = "oscquery"\nlisten = "127.0.0.1:0"',
        f'type   = "oscquery"\nlisten = "127.0.0.1:{port}"',
    )
    await bridge.bridge.reload(text)
    assert await client.closed() == 1001
    assert bridge.port == port
    assert (await bridge.get("/mix/1/fader")).status == 200
