"""Learning one route: move the control, move the target, take the proposal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from oscbridge.bridge.app import App
from oscbridge.bridge.sinks.direct import offer_message
from oscbridge.bridge.watching import Direction
from oscbridge.contract.abilities import DescribesControls
from oscbridge.contract.control_facts import ControlFacts, ControlId, JoinedControl
from oscbridge.errors import ConfigurationError
from oscbridge.learning.activity import ActivityTable, ControlKey
from oscbridge.learning.candidates import Candidate, clear_winner, find_candidates
from oscbridge.learning.ends import RouteEnd
from oscbridge.learning.known_ends import described_at, end_at, end_of, find_known
from oscbridge.learning.proposal import Proposal, propose
from oscbridge.osc import Message
from oscbridge.osc.pattern import is_pattern
from oscbridge.osc.text import format_message

__all__ = ["LISTEN_TIME", "LearningSession", "LearningState", "Role"]

LISTEN_TIME: Final = 1.0
"""Seconds in which it notes what sends by itself, before the first control is moved."""

SOON: Final = 0.1
"""Seconds that are left at least while it listens."""

MAX_WAITING: Final = 100_000
"""Messages that wait to be looked at; of more, the oldest are ignored."""

Role: TypeAlias = Literal["source", "target"]


@dataclass(frozen=True)
class LearningState:
    """What a session knows now."""

    waiting_for: Role | None
    """The end to be moved; None if both are known."""
    listening: float
    """Seconds for which nothing should be moved yet."""
    candidates: Sequence[Candidate]
    """What may have been moved, the most likely first."""
    ignored: int
    """Controls that sent something and are not candidates."""
    source: RouteEnd | None
    target: RouteEnd | None


class LearningSession:
    """Watches a running system until it is closed. On the event loop.

    :meth:`update` looks at messages received since the last call: about ten times per second.
    """

    def __init__(self, app: App, *, automatic: bool = True) -> None:
        """With ``automatic`` a control that certainly was moved is chosen by itself."""
        self._app = app
        self._automatic = automatic
        self._messages: deque[tuple[float, str, Message]] = deque(maxlen=MAX_WAITING)
        self._table = ActivityTable(self._control_of)
        self._table.first = time.monotonic()
        self._role: Role | None = "source"
        self._ends: dict[Role, RouteEnd] = {}
        self._keys: dict[Role, ControlKey] = {}
        self._found: tuple[Sequence[Candidate], int] = ((), 0)
        self._end_watch = app.watchers.add(self._take)

    def close(self) -> None:
        """Watch no more."""
        self._end_watch()
        self._messages.clear()
        # A session is part of cycles: its controls, up to 10 MB, do not wait for the garbage
        # collector, whose look at all objects is rare.
        self._table.controls.clear()
        self._found = ((), 0)

    # --- messages ----------------------------------------------------------------------------

    def _take(self, direction: Direction, part: str, message: Message) -> None:
        """Note a message. On any thread."""
        if direction == "in":
            self._messages.append((time.monotonic(), part, message))

    def _control_of(self, part: str, message: Message) -> ControlFacts | None:
        """The control that a message came from."""
        if is_pattern(message.address):
            return None
        runner = self._app.endpoints.get(part)
        if runner is not None and isinstance(runner.endpoint, DescribesControls):
            with suppress(Exception):
                return runner.endpoint.control_of(message)
            return None
        return ControlFacts(ControlId(message.address))

    def _joined(self, part: str, upper: ControlId) -> JoinedControl | None:
        runner = self._app.endpoints.get(part)
        if runner is not None and isinstance(runner.endpoint, DescribesControls):
            with suppress(Exception):
                return runner.endpoint.joined(upper)
        return None

    def update(self) -> LearningState:
        """Look at received messages, and choose a control that certainly was moved."""
        now = time.monotonic()
        if not self._table.began and now - self._table.first >= LISTEN_TIME:
            self._drain()
            self._table.begin(now)
        self._drain()
        if self._table.began and self._role is not None:
            used = [key for role, key in self._keys.items() if role != self._role]
            self._found = find_candidates(self._table, now, self._joined, used)
            winner = clear_winner(self._found[0])
            if winner is not None and self._automatic:
                self.choose(winner.key)
        return self._state(now)

    def _drain(self) -> None:
        while self._messages:
            self._table.add(*self._messages.popleft())

    def _state(self, now: float) -> LearningState:
        # Not 0 before it has begun: who moves a control then would be taken for background.
        left = 0.0 if self._table.began else max(LISTEN_TIME - (now - self._table.first), SOON)
        candidates, ignored = self._found
        source, target = self._ends.get("source"), self._ends.get("target")
        return LearningState(self._role, left, candidates, ignored, source, target)

    # --- choices -----------------------------------------------------------------------------

    def choose_named(self, text: str, role: Role) -> None:
        """Take the candidate whose key is written so. Raises :class:`ConfigurationError`."""
        found = next((each for each in self._found[0] if str(each.key) == text), None)
        if found is None:
            raise ConfigurationError(f"{text}: it is not moved any more; move it again")
        self.choose(found.key, role)

    def choose(self, key: ControlKey, role: Role | None = None) -> None:
        """Take a control as the one that was moved.

        Raises :class:`ConfigurationError` if it is not among the candidates.
        """
        role = role or self._role
        found = next((each for each in self._found[0] if each.key == key), None)
        if role is None or found is None:
            raise ConfigurationError(f"{key.control.address}: not among the moved controls")
        info = described_at(self._app, key.part, key.control.address)
        self._use(role, key, end_of(found, info))

    def choose_target(self, part: str, address: str) -> None:
        """Take an address of an endpoint or a bridge as the target, without moving it.

        ``address`` may have values after it that select a control: ``/control 1 7``. Raises
        :class:`ConfigurationError`.
        """
        end = end_at(self._app, part, address)
        self._check_target(end)
        self._use("target", ControlKey(part, end.control), end)

    def known_addresses(self, part: str, query: str) -> Sequence[tuple[str, str]]:
        """What can be sent to a part, as far as known: addresses with human-readable facts.

        ``query`` has words that are in an address or its description.
        """
        return find_known(self._app, part, query)

    def _use(self, role: Role, key: ControlKey, end: RouteEnd) -> None:
        self._ends[role] = end
        self._keys[role] = key
        self._role = "source" if "source" not in self._ends else None
        if self._role is None and "target" not in self._ends:
            self._role = "target"
        self._begin()

    def again(self, role: Role) -> None:
        """Move the control, or the target, again."""
        self._ends.pop(role, None)
        self._keys.pop(role, None)
        self._role = role
        self._begin()

    def _begin(self) -> None:
        self._found = ((), 0)
        self._table.begin(time.monotonic())

    # --- the result --------------------------------------------------------------------------

    def proposal(self, *, both: bool = False, name: str = "") -> Proposal:
        """The route from the control to the target. Raises :class:`ConfigurationError`."""
        source, target = self._both()
        if both:
            self._check_target(source, ", so there is no way back")
        if target.part == source.part and target.control == source.control:
            raise ConfigurationError("the control and the target are the same")
        self._check_target(target)
        configuration = self._app.configuration
        taken = [*(each.name or "" for each in configuration.routes), *configuration.variables]
        if name and name in taken:
            raise ConfigurationError(f"name: there is a route {name!r} already; use another one")
        return propose(source, target, both=both, name=name, taken=taken)

    def _check_target(self, target: RouteEnd, why: str = "") -> None:
        """Raises :class:`ConfigurationError` if a route cannot lead there.

        A route may lead to any bridge: to its clients.
        """
        runner = self._app.endpoints.get(target.part)
        is_sink = runner is not None and runner.endpoint.is_sink()
        if not is_sink and target.part not in self._app.configuration.bridges:
            raise ConfigurationError(f"{target.part!r}: nothing can be sent to it{why}")

    def test(self, share: float) -> str:
        """Send a value to the target, from its lowest (0) to its highest (1).

        Returns the message as text. Raises :class:`ConfigurationError`.
        """
        _, target = self._both()
        self._check_target(target)
        runner = self._app.endpoints.get(target.part)
        if runner is None:
            raise ConfigurationError(f"{target.part}: it has clients once a route leads there")
        message = target.test_message(share)
        offer_message(runner, message)
        return format_message(message)

    def _both(self) -> tuple[RouteEnd, RouteEnd]:
        source, target = self._ends.get("source"), self._ends.get("target")
        if source is None or target is None:
            raise ConfigurationError("move the control and the target first")
        return source, target
