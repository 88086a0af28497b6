"""Endpoints with clients that need tokens: what the bridge gives them, and what a reload does."""

from __future__ import annotations

from pathlib import Path

import pytest

import oscbridge
from oscbridge import Endpoint
from oscbridge.testing import RunningBridge, running_bridge


class Booth(Endpoint, oscbridge.Guarded):
    """An endpoint that notes when its tokens have changed."""

    changes = 0
    connects = 0
    fails = False

    async def connect(self) -> None:
        self.connects += 1
        self.was_required = self.access.required

    def on_access_changed(self) -> None:
        self.changes += 1
        if self.fails:
            raise ValueError("no idea")


class Other(Booth):
    """Another endpoint of the kind."""


TYPES: dict[str, type[Endpoint]] = {"booth": Booth, "other": Other}
FILE = """
[endpoint.front]
type = "booth"

[endpoint.back]
type = "other"
"""


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"{name}-and-secret")


def token(name: str, keys: str = "") -> str:
    return f'[[token]]\nname = "{name}"\nsecret = {{ file = "{name}" }}\n{keys}\n'


def booth(bridge: RunningBridge, name: str) -> Booth:
    found = bridge.endpoint(name)
    assert isinstance(found, Booth)
    return found


async def test_endpoint_has_the_tokens_that_are_valid_for_it_before_it_connects() -> None:
    async with running_bridge(FILE + token("one", 'endpoints = ["front"]'), TYPES) as bridge:
        assert booth(bridge, "front").was_required
        assert not booth(bridge, "back").was_required
        refused = booth(bridge, "front").access.check("two-and-secret", "192.0.2.1")
        assert isinstance(refused, oscbridge.AccessDenied)
        assert bridge.endpoint_status("front").refused == 1
        assert "refused a client from 192.0.2.1: wrong token" in "\n".join(bridge.log)


async def test_reload_notifies_the_endpoints_whose_tokens_changed_and_restarts_none() -> None:
    only_front = 'endpoints = ["front"]'
    async with running_bridge(FILE + token("one", only_front), TYPES) as bridge:
        front, back = booth(bridge, "front"), booth(bridge, "back")
        changes = await bridge.reload(FILE + token("one", only_front) + token("two", only_front))
        assert str(changes) == "added token.two"
        assert (front.changes, back.changes) == (1, 0)
        changes = await bridge.reload(FILE + token("one", f'{only_front}\nrights = ["listen"]'))
        assert str(changes) == "removed token.two; changed token.one"
        assert (front.changes, back.changes) == (2, 0)
        assert (booth(bridge, "front"), booth(bridge, "back")) == (front, back)
        assert (front.connects, back.connects) == (1, 1)


async def test_reload_reads_secrets_again(tmp_path: Path) -> None:
    async with running_bridge(FILE + token("one"), TYPES) as bridge:
        (tmp_path / "one").write_text("new-and-secret")
        assert str(await bridge.reload(FILE + token("one"))) == "changed token.one"
        found = booth(bridge, "front").access.check("new-and-secret", "192.0.2.1")
        assert isinstance(found, oscbridge.AccessGrant)


async def test_rejected_reload_changes_no_tokens() -> None:
    async with running_bridge(FILE + token("one"), TYPES) as bridge:
        with pytest.raises(oscbridge.ConfigurationError):
            await bridge.reload(FILE + token("two") + "[[route]]\n")
        access = booth(bridge, "front").access
        assert isinstance(access.check("one-and-secret", "192.0.2.1"), oscbridge.AccessGrant)
        assert booth(bridge, "front").changes == 0


async def test_endpoint_that_cannot_apply_changed_tokens_is_connected_again() -> None:
    async with running_bridge(FILE + token("one"), TYPES) as bridge:
        front = booth(bridge, "front")
        front.fails = True
        await bridge.reload(FILE + token("two"))
        await bridge.until(lambda: front.connects == 2)
        assert "on_access_changed failed: ValueError: no idea" in "\n".join(bridge.log)
        assert booth(bridge, "back").connects == 1


async def test_endpoint_that_is_restarted_loses_removed_tokens_at_once() -> None:
    async with running_bridge(FILE + token("one"), TYPES) as bridge:
        front = booth(bridge, "front")
        await bridge.reload(FILE.replace('"booth"', '"booth"\nqueue = 5') + token("two"))
        assert booth(bridge, "front") is not front
        assert (front.changes, front.access.required) == (1, True)
        for name in ("one", "two"):
            found = front.access.check(f"{name}-and-secret", "192.0.2.1")
            assert isinstance(found, oscbridge.AccessDenied)


async def test_guesses_at_one_endpoint_count_at_all() -> None:
    async with running_bridge(FILE + token("one"), TYPES) as bridge:
        for _ in range(10):
            booth(bridge, "front").access.check("guess", "192.0.2.1")
        found = booth(bridge, "back").access.check("guess", "192.0.2.1")
        assert isinstance(found, oscbridge.AccessDenied)
        assert found.status == 429
