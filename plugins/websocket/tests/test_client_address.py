"""The address of a client behind reverse proxies."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

import oscbridge
from oscbridge_websocket.client_address import MAX_PROXIES, client_address

TRUSTED = oscbridge.AllowList(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"])
RIGHT = {"Authorization": "Bearer right-and-secret"}


@pytest.mark.parametrize(
    ("peer", "headers", "found"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("::ffff:127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("192.0.2.9", ["192.0.2.1"], "192.0.2.9"),  # not a trusted proxy
        ("127.0.0.1", ["198.51.100.7, 192.0.2.1"], "192.0.2.1"),  # the first is made up
        ("127.0.0.1", ["192.0.2.1, 10.0.0.1, 10.0.0.2"], "192.0.2.1"),
        ("127.0.0.1", ["192.0.2.1", "10.0.0.1"], "192.0.2.1"),  # two headers
        ("127.0.0.1", ["192.0.2.1,10.0.0.1,192.0.2.5,10.0.0.2"], "192.0.2.5"),
        ("127.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),  # all are trusted
        ("127.0.0.1", ["192.0.2.1:1234"], "192.0.2.1"),
        ("127.0.0.1", ["2001:db9::1"], "2001:db9::1"),
        ("127.0.0.1", ["[2001:db9::1]:443"], "2001:db9::1"),
        ("127.0.0.1", ['"[2001:db9::1]"'], "2001:db9::1"),
        ("127.0.0.1", ["::ffff:192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["192.0.2.1, 2001:db8::7"], "192.0.2.1"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1, _hidden, 10.0.0.1"], "10.0.0.1"),
        ("127.0.0.1", ["", " , ,"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1, 999.1.1.1"], "127.0.0.1"),
        ("127.0.0.1", ["127.000.000.020"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1\x00", "x" * 5_000], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1" + ",10.0.0.1" * (2 * MAX_PROXIES)], "10.0.0.1"),
    ],
)
def test_client_is_the_rightmost_address_that_is_not_a_trusted_proxy(
    peer: str, headers: list[str], found: str
) -> None:
    assert client_address(peer, headers, TRUSTED) == found


PROXIED = 'trusted_proxies = ["127.0.0.1"]\n'


async def test_connections_are_limited_for_each_client_of_a_proxy(start: Any, join: Any) -> None:
    bridge = await start(PROXIED + "max_connections_per_address = 2")

    def of(client: str) -> dict[str, dict[str, str]]:
        return {"headers": {"X-Forwarded-For": client}}

    for client in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"):
        await join(bridge, **of(client))
    with pytest.raises(InvalidStatus) as caught:
        await join(bridge, **of("192.0.2.1"))
    assert caught.value.response.status_code == 503
    await join(bridge, **of("198.51.100.7, 192.0.2.3"))


async def test_header_of_an_untrusted_peer_is_ignored(start: Any, join: Any) -> None:
    bridge = await start('trusted_proxies = ["10.0.0.1"]\nmax_connections_per_address = 1')
    await join(bridge, headers={"X-Forwarded-For": "192.0.2.1"})
    with pytest.raises(InvalidStatus):
        await join(bridge, headers={"X-Forwarded-For": "192.0.2.2"})


async def test_allow_list_applies_to_the_client_behind_a_proxy(
    start: Any, join: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start(PROXIED + 'allow = ["192.0.2.0/24"]')
    await join(bridge, headers={"X-Forwarded-For": "192.0.2.1"})
    for refused in ("198.51.100.7", "192.0.2.1, 198.51.100.7"):
        with pytest.raises(InvalidStatus) as caught:
            await join(bridge, headers={"X-Forwarded-For": refused})
        assert caught.value.response.status_code == 403
    assert "refused a client from 198.51.100.7: it is not in 'allow'" in caplog.text


async def test_allow_list_applies_to_a_direct_client(start: Any, join: Any) -> None:
    bridge = await start('allow = ["127.0.0.2"]')
    await join(bridge, local_addr=("127.0.0.2", 0))
    with pytest.raises(InvalidStatus):
        await join(bridge)


async def test_wrong_tokens_behind_a_proxy_are_logged_with_their_client_and_page(
    start: Any, join: Any, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start(PROXIED + token)
    for client in ("192.0.2.1", "192.0.2.2"):
        with pytest.raises(InvalidStatus):
            await join(
                bridge,
                origin="http://127.0.0.1:3000",
                headers={"X-Forwarded-For": client, "Authorization": "Bearer wrong-token"},
            )
        shown = f"a client from {client} via 127.0.0.1 (page 'http://127.0.0.1:3000'): wrong token"
        assert shown in caplog.text
