"""Muted routes: they get messages and let none pass, in every mode, until they are unmuted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from oscbridge import ConfigurationError, Endpoint, Message, TimeTag, encode_bundle, encode_message
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.muting import set_muted
from oscbridge.status.status import Status, read_status
from oscbridge.testing import until

Running = Callable[..., AbstractAsyncContextManager[App]]
Send = Callable[..., object]

MODES = ["asyncio", "blocking", "threading", "forking"]
PARTS = """
[bridge.in]
listen = "udp://127.0.0.1:0"
mode = "{mode}"
[endpoint.out]
type = "collect"
"""
ROUTE = """
[[route]]
name = "faders"
from = "in"
to = "out"
"""
TEXT = PARTS.format(mode="asyncio") + ROUTE
OTHER = '[[route]]\nfrom = "in"\nmatch = "/other"\nto = "out"\n'
VALUE = Message.of("/x", 1.0)


def status(app: App) -> Status:
    """The status, whose routes add up."""
    found = read_status(app)
    for route in found.routes:
        counts = route.messages
        ends = sum(counts.filtered.values()) + sum(counts.failed.values())
        assert counts.taken == ends + counts.passed + counts.held
    return found


async def taken(app: App, count: int) -> None:
    """Wait until the first route has taken so many messages."""
    await until(lambda: status(app).routes[0].messages.taken == count)


def addresses(app: App) -> list[str]:
    return [message.address for message in app.endpoints["out"].endpoint.messages]


@pytest.mark.parametrize("mode", MODES)
async def test_muted_route_filters_all_messages_until_it_is_unmuted(
    mode: str, running: Running, send: Send
) -> None:
    async with running(PARTS.format(mode=mode) + ROUTE) as app:
        await send(app, "in", VALUE)
        await taken(app, 1)
        set_muted(app, ["faders"], True)
        await send(app, "in", VALUE, VALUE)
        await taken(app, 3)
        assert status(app).routes[0].messages.filtered == {"muted": 2}
        assert status(app).routes[0].muted
        set_muted(app, ["faders"], False)
        await send(app, "in", Message.of("/after"))
        await app.endpoints["out"].endpoint.arrived(2)
        assert addresses(app) == ["/x", "/after"]


@pytest.mark.parametrize("mode", MODES)
async def test_muted_route_with_a_function_sends_nothing_and_adds_up(
    mode: str, running: Running, send: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "muted_functions.py").write_text("def twice(message): return [message] * 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    text = PARTS.format(mode=mode) + ROUTE + 'function = "muted_functions:twice"\n'
    async with running(text) as app:
        set_muted(app, ["faders"], True)
        await send(app, "in", VALUE, VALUE)
        await taken(app, 2)
        (route,) = status(app).routes
        assert route.results is not None
        if mode == "forking":  # the worker calls the function
            await until(lambda: (r := status(app).routes[0].results) and r.taken == 4)
            (route,) = status(app).routes
            assert route.results is not None
            assert route.results.filtered == {"muted": 4}
        else:
            assert route.messages.filtered == {"muted": 2}
        assert (route.results.passed, addresses(app)) == (0, [])


@pytest.mark.parametrize(("step", "sent"), [("delay = 60", 2), ('limit = "0.001/s"', 2)])
async def test_held_messages_of_a_muted_route_are_filtered(
    step: str, sent: int, running: Running, send: Send
) -> None:
    async with running(TEXT + step) as app:
        await send(app, "in", *[VALUE] * sent)
        await taken(app, sent)
        held = status(app).routes[0].messages.held
        assert held
        set_muted(app, ["faders"], True)
        counts = status(app).routes[0].messages
        assert (counts.held, counts.filtered["muted"]) == (0, held)


async def test_on_change_passes_the_first_value_after_a_mute(running: Running, send: Send) -> None:
    async with running(TEXT + "on_change = true") as app:
        await send(app, "in", VALUE, VALUE)
        await taken(app, 2)
        set_muted(app, ["faders"], True)
        set_muted(app, ["faders"], False)
        await send(app, "in", VALUE)
        await app.endpoints["out"].endpoint.arrived(2)
        assert status(app).routes[0].messages.passed == 2


async def test_messages_waiting_for_their_time_tag_do_not_pass_a_muted_route(
    running: Running, send: Send
) -> None:
    clock = 1_000_000_000_000_000_000
    async with running(TEXT) as app:
        dispatcher = app.dispatchers["in"]
        dispatcher.scheduler.clock_ns = lambda: clock
        due = TimeTag.from_unix_ns(clock + 5_000_000_000)
        bundle = encode_bundle([encode_message(VALUE)], due)
        dispatcher.dispatch(bundle, ("127.0.0.1", 1), lambda *_: None)
        set_muted(app, ["faders"], True)
        clock += 6_000_000_000
        dispatcher.scheduler.run_due()
        assert status(app).routes[0].messages.filtered == {"muted": 1}


async def test_unknown_route_changes_nothing_and_is_an_error_with_a_suggestion(
    running: Running,
) -> None:
    async with running(TEXT + OTHER) as app:
        with pytest.raises(ConfigurationError, match="'fadres': no such route; did you mean"):
            set_muted(app, ["2", "fadres"], True)
        with pytest.raises(ConfigurationError, match=r"'3': no such route; .* numbers 1 to 2"):
            set_muted(app, ["3"], True)
        assert not [route for route in app.routes if route.is_muted]


async def test_changes_are_returned_and_logged_once(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(TEXT + OTHER) as app:
        with caplog.at_level(logging.INFO, "oscbridge.bridge.muting"):
            changed = set_muted(app, ["faders", "2", "1"], True)
            assert set_muted(app, ["faders"], True) == []
        assert [route.name for route in changed] == ["route faders", "route 2 (/other)"]
        logged = [each.message for each in caplog.records if "muted" in each.message]
        assert logged == ["route faders: muted", "route 2 (/other): muted"]


# --- reloads -----------------------------------------------------------------------------------


@pytest.fixture
def read(types: dict[str, type[Endpoint]]) -> Callable[[str], object]:
    return lambda text: parse(text, types, "test.toml")


async def test_changed_route_of_the_same_name_stays_muted_and_counts_on(
    running: Running, send: Send, read: Callable[[str], object]
) -> None:
    async with running(TEXT) as app:
        set_muted(app, ["faders"], True)
        await send(app, "in", VALUE)
        await taken(app, 1)
        changes = await app.reload(read(TEXT + "delay = 1"))
        assert str(changes) == "changed route faders"
        await send(app, "in", VALUE)
        await taken(app, 2)
        assert status(app).routes[0].messages.filtered == {"muted": 2}


async def test_route_without_name_is_paired_by_its_content(
    running: Running, send: Send, read: Callable[[str], object]
) -> None:
    async with running(TEXT + OTHER) as app:
        set_muted(app, ["2"], True)
        before = status(app).routes[1]
        changes = await app.reload(read(PARTS.format(mode="asyncio") + OTHER))
        assert str(changes) == "removed route faders"
        (after,) = status(app).routes
        assert (after.number, after.muted, after.id) == (1, True, before.id)
        assert app.routes[0].name == "route 1 (/other)"


@pytest.mark.parametrize("mode", ["asyncio", "forking"])
async def test_route_stays_muted_when_its_endpoint_is_restarted(
    mode: str, running: Running, send: Send, read: Callable[[str], object]
) -> None:
    text = PARTS.format(mode=mode) + ROUTE.replace('name = "faders"\n', "")
    async with running(text) as app:
        set_muted(app, ["1"], True)
        old = app.endpoints["out"]
        await app.reload(read(text.replace('"collect"', '"batch"')))
        assert app.endpoints["out"] is not old
        await send(app, "in", VALUE)
        await taken(app, 1)
        assert status(app).routes[0].messages.filtered == {"muted": 1}


async def test_renamed_route_keeps_its_state(
    running: Running, read: Callable[[str], object]
) -> None:
    async with running(TEXT + "on_change = true") as app:
        (route,) = app.routes
        changes = await app.reload(read(TEXT.replace("faders", "wheels") + "on_change = true"))
        assert str(changes) == "renamed route faders to wheels"
        assert app.routes == (route,)
        assert (route.name, route.id) == ("route wheels", "wheels")


async def test_swapped_names_belong_to_the_routes_of_these_names(
    running: Running, read: Callable[[str], object]
) -> None:
    text = TEXT + OTHER + 'name = "other"\n'
    swapped = TEXT.replace("faders", "other") + OTHER + 'name = "faders"\n'
    async with running(text) as app:
        set_muted(app, ["faders"], True)
        changes = await app.reload(read(swapped))
        assert str(changes) == "changed route other, route faders"
        assert [route.muted for route in status(app).routes] == [False, True]


async def test_disabled_route_keeps_its_counters_and_holds_nothing(
    running: Running, send: Send, read: Callable[[str], object]
) -> None:
    text = TEXT + "delay = 60\n"
    async with running(text) as app:
        await send(app, "in", VALUE)
        await taken(app, 1)
        changes = await app.reload(read(text + "enabled = false\n"))
        assert str(changes) == "disabled route faders"
        (route,) = status(app).routes
        assert not route.enabled
        assert (route.messages.held, route.messages.filtered) == (0, {"disabled": 1})
        assert str(await app.reload(read(text))) == "enabled route faders"
        await send(app, "in", VALUE)
        await taken(app, 2)


async def test_removed_route_without_name_is_reported(
    running: Running, read: Callable[[str], object]
) -> None:
    async with running(TEXT + OTHER) as app:
        assert str(await app.reload(read(TEXT))) == "1 route removed"


async def test_id_of_a_route_without_name_is_the_same_in_every_process(running: Running) -> None:
    async with running(TEXT + OTHER) as app:
        assert app.routes[1].id == "#615873cd"


async def test_equal_routes_have_different_ids(running: Running) -> None:
    async with running(TEXT + OTHER + OTHER) as app:
        _, first, second = (route.id for route in app.routes)
        assert second == f"{first}-2"
