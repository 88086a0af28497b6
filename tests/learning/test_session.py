"""Learning routes in a running system: the proposed route does what the hand does."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar

import pytest

from oscbridge import (
    ControlFacts,
    ControlId,
    DescribesControls,
    Endpoint,
    JoinedControl,
    Message,
)
from oscbridge.bridge.app import App
from oscbridge.errors import ConfigurationError
from oscbridge.learning import LearningSession, LearningState, Proposal
from oscbridge.testing import RecordingEndpoint
from tests.support.app_fixtures import TYPES

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.desk]
type = "batch"
[endpoint.keys]
type = "numbered"
"""


class Numbered(RecordingEndpoint, DescribesControls):
    """Its messages say in their arguments which control they are from, as those of MIDI do."""

    control_examples: ClassVar[tuple[str, ...]] = ("/control 1 7",)

    def control_of(self, message: Message) -> ControlFacts | None:
        if message.address != "/control":
            return None
        channel, number, *_ = message.args
        assert isinstance(number, int)
        control = ControlId("/control", (channel, number))
        upper = ControlId("/control", (channel, number - 32)) if number >= 32 else None
        title = f"controller {number}, channel {channel}"
        return ControlFacts(control, title, 0, 127, may_be_relative=True, upper=upper)

    def joined(self, upper: ControlId) -> JoinedControl:
        number = upper.leading[1]
        assert isinstance(number, int)
        facts = ControlFacts(ControlId("/control14", upper.leading), "14 bits", 0, 16_383)
        return JoinedControl(facts, {"pairs": [number]})


@pytest.fixture
def types() -> dict[str, type[Endpoint]]:
    return {**TYPES, "numbered": Numbered}


class Learning:
    """A session, and hands."""

    def __init__(self, app: App, send: Callable[..., Awaitable[None]]) -> None:
        self.app = app
        self.session = LearningSession(app)
        self._send = send

    async def until(self, condition: Callable[[LearningState], object]) -> LearningState:
        """Look until a condition is true."""
        async with asyncio.timeout(20):
            while not condition(state := self.session.update()):
                await asyncio.sleep(0.02)
        return state

    async def move(self, part: str, messages: Iterable[Message]) -> LearningState:
        """Move a control until it is taken as the one."""
        await self.until(lambda state: not state.listening)
        role = self.session.update().waiting_for
        assert role is not None
        for message in messages:
            if part in self.app.endpoints and part != "stage":
                self.app.endpoints[part].endpoint.receive(message)
            else:
                await self._send(self.app, part, message)
        return await self.until(lambda state: getattr(state, role))


Start = Callable[..., Any]


def ramp(address: str, *leading: int, high: float = 1.0, whole: bool = False) -> list[Message]:
    values = [high * step / 10 for step in range(11)]
    return [Message.of(address, *leading, round(v) if whole else v) for v in values]


def numbers(address: str, *values: int, leading: tuple[int, ...] = ()) -> list[Message]:
    return [Message.of(address, *leading, value) for value in values]


@pytest.fixture
def outcome(running: Start) -> Callable[..., Awaitable[list[tuple[Any, ...]]]]:
    """What a system with the proposed routes sends to a sink, for messages of a source."""

    async def run(
        proposal: Proposal, source: str, sink: str, *messages: Message, count: int = 0
    ) -> list[tuple[Any, ...]]:
        async with running(f"{CONFIGURATION}\n{proposal.toml}") as app:
            endpoint = app.endpoints[sink].endpoint
            for message in messages:
                app.dispatchers[source].dispatch_message(message, ("hand", 0), lambda *_: None)
            await endpoint.arrived(count or len(messages))
            return [(each.address, *each.args) for each in endpoint.messages]

    return run


Outcome = Callable[..., Awaitable[list[tuple[Any, ...]]]]


async def test_fader_becomes_a_controller_with_its_range(
    running: Start, send: Any, outcome: Outcome
) -> None:
    async with running(CONFIGURATION) as app:
        learning = Learning(app, send)
        state = await learning.move("stage", ramp("/1/fader3"))
        assert state.waiting_for == "target"
        learning.session.choose_target("keys", "/control 1 7")
        proposal = learning.session.proposal()
        learning.session.close()
    assert proposal.routes == [
        {
            "from": "stage",
            "name": "fader3_to_controller_7",
            "match": "/1/fader3",
            "scale": [0.0, 1.0, 0, 127],
            "send": "/control 1 7 {0}",
            "to": "keys",
        }
    ]
    assert "as it sent 0 to 1" in proposal.notes[0]
    sent = await outcome(proposal, "stage", "keys", Message.of("/1/fader3", 0.5))
    assert sent == [("/control", 1, 7, 64)]


async def test_both_are_moved_and_there_is_a_way_back(
    running: Start, send: Any, outcome: Outcome
) -> None:
    async with running(CONFIGURATION) as app:
        learning = Learning(app, send)
        await learning.move("keys", ramp("/control", 1, 7, high=127, whole=True))
        state = await learning.move("desk", ramp("/ch/1/fader"))
        assert state.waiting_for is None
        proposal = learning.session.proposal(both=True, name="volume")
        learning.session.close()
    there, back = proposal.routes
    assert there["when"] == "x == 1 and y == 7"
    assert (there["name"], back["name"]) == ("volume", "volume_back")
    moved = Message.of("/control", 1, 7, 127)
    other = Message.of("/control", 1, 8, 64)
    low = Message.of("/control", 1, 7, 0)
    sent = await outcome(proposal, "keys", "desk", moved, other, low, count=2)
    assert sent == [("/ch/1/fader", 1.0), ("/ch/1/fader", 0.0)]
    sent = await outcome(proposal, "desk", "keys", Message.of("/ch/1/fader", 0.5))
    assert sent == [("/control", 1, 7, 64)]


async def test_way_back_leads_to_the_clients_of_a_bridge(
    running: Start, send: Any, outcome: Outcome
) -> None:
    async with running(CONFIGURATION) as app:
        learning = Learning(app, send)
        await learning.move("stage", ramp("/1/fader3"))
        await learning.move("keys", ramp("/control", 1, 7, high=127, whole=True))
        proposal = learning.session.proposal(both=True)
        learning.session.close()
    back = proposal.routes[1]
    assert (back["to"], back["scale"]) == ("stage", [0, 127, 0.0, 1.0])
    sent = await outcome(proposal, "stage", "keys", Message.of("/1/fader3", 1.0))
    assert sent == [("/control", 1, 7, 127)]


async def test_encoder_moves_a_variable(running: Start, send: Any, outcome: Outcome) -> None:
    async with running(CONFIGURATION) as app:
        learning = Learning(app, send)
        turns = numbers("/control", 1, 1, 2, 127, 127, 1, leading=(1, 16))
        state = await learning.move("keys", turns)
        assert state.source is not None and state.source.mode == "twos_complement"
        learning.session.choose_target("desk", "/level")
        proposal = learning.session.proposal()
        learning.session.close()
    assert list(proposal.variables.values()) == [0.0]
    sent = await outcome(
        proposal, "keys", "desk", *numbers("/control", 50, 50, 50, 127, leading=(1, 16))
    )
    assert [round(value, 6) for _, value in sent] == [0.5, 1.0, 1.0, 0.99]


async def test_way_back_from_an_encoder_moves_a_variable(
    running: Start, send: Any, outcome: Outcome
) -> None:
    async with running(CONFIGURATION) as app:
        learning = Learning(app, send)
        await learning.move("desk", ramp("/level"))
        turns = numbers("/control", 1, 1, 2, 127, 127, 1, leading=(1, 16))
        state = await learning.move("keys", turns)
        assert state.target is not None and state.target.mode is not None
        proposal = learning.session.proposal(both=True)
        learning.session.close()
    there, back = proposal.routes
    assert (there["from"], back["from"]) == ("desk", "keys")
    turn = Message.of("/control", 1, 16, 10)
    assert await outcome(proposal, "keys", "desk", turn) == [("/level", pytest.approx(0.1))]
    level = Message.of("/level", 0.5)
    assert await outcome(proposal, "desk", "keys", level) == [("/control", 1, 16, 64)]


async def test_two_halves_are_one_control(running: Start, send: Any) -> None:
    async with running(CONFIGURATION) as app:
        learning = Learning(app, send)
        halves = [
            each
            for step in range(12)
            for each in (
                Message.of("/control", 1, 7, step),
                Message.of("/control", 1, 39, step * 10 % 128),
            )
        ]
        state = await learning.move("keys", halves)
        assert state.source is not None
        assert state.source.text == "/control14 1 7"
        learning.session.choose_target("desk", "/level")
        proposal = learning.session.proposal()
        learning.session.close()
    assert proposal.options == {"keys": {"pairs": [7]}}
    assert proposal.routes[0]["scale"] == [0, 16_383, 0.0, 1.0]
    assert any("keys needs pairs = [7]" in note for note in proposal.notes)


async def test_known_range_comes_before_the_seen_one(
    running: Start, send: Any, outcome: Outcome
) -> None:
    known = (
        '[[route]]\nfrom = "keys"\nmatch = "/k"\nscale = [0, 127, -60.0, 10.0]\n'
        'send = "/gain {0}"\nto = "desk"\n'
    )
    async with running(CONFIGURATION + known) as app:
        learning = Learning(app, send)
        await learning.move("stage", ramp("/1/fader3"))
        learning.session.choose_target("desk", "/gain")
        proposal = learning.session.proposal()
        learning.session.close()
    assert proposal.routes[0]["scale"] == [0.0, 1.0, -60.0, 10.0]
    assert "from configuration" in proposal.notes[1]


async def test_button_and_switch_become_values(running: Start, send: Any, outcome: Outcome) -> None:
    async with running(CONFIGURATION) as app:
        learning = Learning(app, send)
        await learning.move("stage", [Message.of("/mute", True), Message.of("/mute", False)])
        learning.session.choose_target("keys", "/control 1 20")
        proposal = learning.session.proposal()
        learning.session.close()
    sent = await outcome(
        proposal, "stage", "keys", Message.of("/mute", True), Message.of("/mute", False)
    )
    assert sent == [("/control", 1, 20, 127), ("/control", 1, 20, 0)]


async def test_candidate_may_be_picked_and_moved_again(running: Start, send: Any) -> None:
    async with running(CONFIGURATION) as app:
        learning = Learning(app, send)
        await learning.until(lambda state: not state.listening)
        for one, two in zip(ramp("/a"), ramp("/b"), strict=True):
            await send(app, "stage", one, two)
        state = await learning.until(
            lambda state: len(state.candidates) == 2 and not state.candidates[0].is_moving
        )
        assert state.source is None
        learning.session.choose_named("stage /b", "source")
        assert learning.session.update().source.text == "/b"
        learning.session.again("source")
        state = learning.session.update()
        assert (state.source, state.waiting_for) == (None, "source")
        with pytest.raises(ConfigurationError, match="move it again"):
            learning.session.choose_named("stage /b", "source")
        learning.session.close()


async def test_test_message_reaches_the_target(running: Start, send: Any) -> None:
    async with running(CONFIGURATION) as app:
        learning = Learning(app, send)
        await learning.move("stage", ramp("/1/fader3"))
        learning.session.choose_target("keys", "/control 1 7")
        assert learning.session.test(1.0) == "/control ,iii 1 7 127"
        (message,) = await app.endpoints["keys"].endpoint.arrived(1)
        assert message.args == (1, 7, 127)
        learning.session.close()


@pytest.mark.parametrize(
    ("part", "address", "error"),
    [
        ("nowhere", "/a", "nothing can be sent to it"),
        ("desk", "no-slash", "expected an address"),
        ("desk", "/a/*", "expected an address"),
        ("desk", "/a {0}", "expected an address"),
        ("desk", '/a "x', "unclosed"),
        ("desk", "/" + "a" * 600, "expected an address"),
    ],
)
async def test_target_that_is_none_is_refused(
    running: Start, part: str, address: str, error: str
) -> None:
    async with running(CONFIGURATION) as app:
        session = LearningSession(app)
        with pytest.raises(ConfigurationError, match=error):
            session.choose_target(part, address)
        session.close()


async def test_closed_session_frees_its_controls_without_the_garbage_collector(
    running: Start, send: Any
) -> None:
    async with running(CONFIGURATION) as app:
        learning = Learning(app, send)
        await learning.until(lambda state: not state.listening)
        await send(app, "stage", Message.of("/1/fader3", 0.5))
        state = await learning.until(lambda state: state.candidates)
        activity = weakref.ref(state.candidates[0].activity)
        del state
        gc.disable()
        try:
            learning.session.close()
            assert activity() is None
        finally:
            gc.enable()
