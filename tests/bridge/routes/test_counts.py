"""The counts of a route: every incoming message has one outcome, in every mode."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from oscbridge import Message
from oscbridge.bridge.routes.stateful_steps import delay
from oscbridge.status.route_status import RouteMessages
from oscbridge.testing import RunningBridge, running_bridge

MODES = ["asyncio", "blocking", "threading", "forking"]

FUNCTIONS = """
def triple(message):
    return [message] * 3

def swallow(message):
    return None

def fail(message):
    raise ValueError("no good")

def cancel(message):
    import asyncio
    raise asyncio.CancelledError
"""


@pytest.fixture(autouse=True)
def _functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(tmp_path, "counted_functions.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("counted_functions", None)


def one_route(mode: str, steps: str) -> str:
    return f"""
    [bridge.in]
    listen = "udp://127.0.0.1:0"
    mode = "{mode}"
    [endpoint.out]
    type = "recording"
    [[route]]
    from = "in"
    to = "out"
    {steps}
    """


async def settled(
    bridge: RunningBridge, messages: RouteMessages, results: RouteMessages | None = None
) -> None:
    """Wait until the only route has these counts; every snapshot before must add up as well."""

    def has_counts() -> bool:
        status = bridge.route_status(1)
        for each in (status.messages, status.results):
            if each is not None:
                fates = sum(each.filtered.values()) + sum(each.failed.values())
                assert each.taken == fates + each.passed + each.held
        return (status.messages, status.results) == (messages, results or status.results)

    await bridge.until(has_counts)


@pytest.mark.parametrize("mode", MODES)
async def test_route_without_steps_counts_passed_messages(mode: str) -> None:
    async with running_bridge(one_route(mode, "")) as bridge:
        bridge.send("in", *(Message.of("/x", n) for n in range(5)))
        await settled(bridge, RouteMessages(5, 5, {}, {}, 0))


@pytest.mark.parametrize("mode", MODES)
async def test_message_of_other_types_is_filtered(mode: str) -> None:
    async with running_bridge(one_route(mode, 'types = "i"')) as bridge:
        bridge.send("in", Message.of("/x", 1), Message.of("/x", "text"), Message.of("/x"))
        await settled(bridge, RouteMessages(3, 1, {"types": 2}, {}, 0))
        assert bridge.bridge_status("in").received.unmatched == 0


@pytest.mark.parametrize("mode", MODES)
async def test_unchanged_message_is_filtered(mode: str) -> None:
    async with running_bridge(one_route(mode, "on_change = true")) as bridge:
        bridge.send("in", *[Message.of("/x", 1)] * 3)
        await settled(bridge, RouteMessages(3, 1, {"on_change": 2}, {}, 0))


@pytest.mark.parametrize("mode", MODES)
async def test_message_without_the_arguments_of_a_template_is_counted_as_failed(mode: str) -> None:
    async with running_bridge(one_route(mode, 'send = "/y {1}"')) as bridge:
        bridge.send("in", Message.of("/x", 1), Message.of("/x", 1, 2))
        await settled(bridge, RouteMessages(2, 1, {}, {"arguments": 1}, 0))
        assert bridge.bridge_status("in").received.dropped == {}


@pytest.mark.parametrize("mode", MODES)
async def test_delayed_messages_are_held(mode: str) -> None:
    async with running_bridge(one_route(mode, "delay = 60.0")) as bridge:
        bridge.send("in", *[Message.of("/x", 1)] * 3)
        await settled(bridge, RouteMessages(3, 0, {}, {}, 3))


@pytest.mark.parametrize("mode", MODES)
async def test_limit_holds_the_last_message_and_filters_those_before(mode: str) -> None:
    async with running_bridge(one_route(mode, 'limit = "0.1/s"')) as bridge:
        bridge.send("in", *[Message.of("/x", 1)] * 4)
        await settled(bridge, RouteMessages(4, 1, {"limit": 2}, {}, 1))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("debounce = 60", RouteMessages(3, 0, {"debounce": 2}, {}, 1)),
        ("hold = 60", RouteMessages(3, 0, {"hold": 2}, {}, 1)),
        ("ramp = 60", RouteMessages(3, 1, {"ramp": 1}, {}, 1)),
    ],
)
async def test_steps_that_take_time_hold_and_filter_messages(
    mode: str, step: str, expected: RouteMessages
) -> None:
    async with running_bridge(one_route(mode, step)) as bridge:
        bridge.send("in", *[Message.of("/x", value) for value in (1, 2, 3)])
        await settled(bridge, expected)


@pytest.mark.parametrize("mode", MODES)
async def test_message_split_into_three_by_a_function_is_counted_as_passed_once(mode: str) -> None:
    steps = 'function = "counted_functions:triple"\non_change = true'
    async with running_bridge(one_route(mode, steps)) as bridge:
        bridge.send("in", Message.of("/x", 1), Message.of("/x", 1))
        results = RouteMessages(6, 1, {"on_change": 5}, {}, 0)
        await settled(bridge, RouteMessages(2, 2, {}, {}, 0), results)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("swallow", RouteMessages(2, 0, {"function": 2}, {}, 0)),
        ("fail", RouteMessages(2, 0, {}, {"function": 2}, 0)),
    ],
)
async def test_message_that_a_function_does_not_pass_is_filtered_or_failed(
    mode: str, name: str, expected: RouteMessages
) -> None:
    steps = f'function = "counted_functions:{name}"'
    async with running_bridge(one_route(mode, steps)) as bridge:
        bridge.send("in", Message.of("/x", 1), Message.of("/x", 1))
        await settled(bridge, expected)


async def test_messages_that_delay_rejects_are_logged_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delay, "MAX_DELAYED", 2)
    async with running_bridge(one_route("asyncio", "delay = 60.0")) as bridge:
        bridge.send("in", *[Message.of("/x", 1)] * 3)
        await settled(bridge, RouteMessages(3, 0, {}, {"delayed": 1}, 2))
        lines = [line for line in bridge.log if "route 1" in line]
    assert lines[0].endswith("route 1 (*): 1 message lost: more than 2 messages are delayed")


STEPS = [
    'types = "i"',
    "scale = [0.0, 1.0, 0, 127]",
    'send = "/y/{2} {1}"',
    "on_change = true",
    'limit = "5/s"',
    "debounce = 0.001",
    "hold = 0.001",
    "ramp = 0.05\ndelay = 0.001",
    'function = "counted_functions:triple"\nramp = 0.05',
    'function = "counted_functions:fail"',
    'function = "counted_functions:cancel"',
    'function = "counted_functions:swallow"\nlimit = "5/s"',
    'send = "/y/{1} {2}"\nfunction = "counted_functions:triple"\non_change = true',
]
MIXED = [
    Message.of("/x", *args) for args in ((), (1,), (1,), (0.5,), ("text", 1), (1, "/"), (None, 2))
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("steps", STEPS)
async def test_route_takes_as_many_messages_as_its_source_routes(mode: str, steps: str) -> None:
    """The source counts a message before the route does anything with it."""
    async with running_bridge(one_route(mode, steps)) as bridge:
        for _ in range(3):
            bridge.send("in", *MIXED)
        await bridge.until(lambda: bridge.bridge_status("in").received.routed == 3 * len(MIXED))
        await bridge.until(lambda: bridge.route_status(1).messages.taken == 3 * len(MIXED))
