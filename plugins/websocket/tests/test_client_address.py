"""The address of a client behind reverse proxies."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

RIGHT = {"Authorization": "Bearer right-and-secret"}


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
