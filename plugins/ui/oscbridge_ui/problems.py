"""What needs attention, in plain words, with what to do about it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from oscbridge.monitoring import BridgeStatus, EndpointStatus, RouteStatus, Status
from oscbridge_ui.loss_words import BAD, endpoint_loss, source_loss
from oscbridge_ui.now_messages import Problem
from oscbridge_ui.parts import bridge_id, endpoint_id, route_id
from oscbridge_ui.steady_time import steady_time
from oscbridge_ui.words import bridge_fix, connection_fix, count_of

__all__ = ["ProblemList"]

RECENT: Final = 300.0
"""Seconds for which losses are shown as a problem."""

NEARLY_FULL: Final = 0.8
"""The part of a send queue above which it is shown as a problem."""

MAX_PROBLEMS: Final = 100


class ProblemList:
    """Finds problems, and remembers since when each lasts, and recent losses."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._losses: dict[str, RecentLosses] = {}

    def update(self, status: Status, now: float) -> Sequence[Problem]:
        """The problems of a status, the gravest first; ``now`` is in seconds of any clock."""
        found = sorted(self._find(status, now), key=lambda each: each.level != "bad")
        known = steady_time()
        self._since = {each.id: self._since.get(each.id, known) for each in found}
        return tuple(
            each.model_copy(update={"since": round(self._since[each.id], 1)})
            for each in found[:MAX_PROBLEMS]
        )

    def _find(self, status: Status, now: float) -> Iterator[Problem]:
        kept: dict[str, RecentLosses] = {}
        for bridge in status.bridges:
            yield from _of_bridge(bridge)
        for number, text in enumerate(status.plugin_problems):
            yield _of_plugin(number, text)
        for endpoint in status.endpoints:
            yield from _of_endpoint(endpoint)
        for route in status.routes:
            yield from _of_route(route)
        for key, part, name, counts, losing in _losses(status):
            recent = kept[key] = self._losses.get(key) or RecentLosses(counts, now)
            if lost := recent.update(counts, now):
                yield _about_losses(part, name, lost, losing)
        self._losses = kept


class RecentLosses:
    """What counters of losses have counted in the last minutes."""

    def __init__(self, counts: Mapping[str, int], now: float) -> None:
        self._steps: deque[tuple[float, Mapping[str, int]]] = deque([(now, dict(counts))])

    def update(self, counts: Mapping[str, int], now: float) -> Mapping[str, int]:
        """Messages lost recently, by reason."""
        if counts != self._steps[-1][1]:
            self._steps.append((now, dict(counts)))
        while len(self._steps) > 1 and self._steps[1][0] < now - RECENT:
            self._steps.popleft()
        before = self._steps[0][1]
        found = {reason: count - before.get(reason, 0) for reason, count in counts.items()}
        return {reason: count for reason, count in found.items() if count > 0}


def _losses(
    status: Status,
) -> Iterator[tuple[str, str, str, Mapping[str, int], EndpointStatus | None]]:
    """A key, the part and its name, and what it lost; with the endpoint where it was to send."""
    for endpoint in status.endpoints:
        part = endpoint_id(endpoint.name)
        yield part, part, endpoint.name, endpoint.lost, endpoint
        if not endpoint.is_bridge:
            yield f"{part} received", part, endpoint.name, _received_losses(endpoint), None
    for bridge in status.bridges:
        part = bridge_id(bridge.name)
        yield part, part, bridge.name, _received_losses(bridge), None


def _received_losses(source: BridgeStatus | EndpointStatus) -> Mapping[str, int]:
    bad = {f"{BAD}{reason}": count for reason, count in source.received.bad.items()}
    return {**source.received.lost, **bad}


def _problem(
    kind: str, level: str, part: str, title: str, text: str, fix: str, code: str = ""
) -> Problem:
    found = "bad" if level == "bad" else "warn"
    return Problem(
        id=f"{part} {kind}",
        level="bad" if found == "bad" else "warn",
        part=part,
        title=title,
        text=text,
        fix=fix,
        since=0.0,
        code=code,
        action="reload" if code else "",
    )


def _of_bridge(bridge: BridgeStatus) -> Iterator[Problem]:
    if bridge.problem:
        fix, code = bridge_fix(bridge)
        title = f"{bridge.name} cannot receive"
        text = f"At {bridge.address}: {bridge.problem}."
        yield _problem("listen", "bad", bridge_id(bridge.name), title, text, fix, code)


def _of_plugin(number: int, text: str) -> Problem:
    title, fix = "A plugin did not add its routes", "Update the plugin, then restart the bridge."
    return _problem("routes", "bad", f"plugin.{number}", title, f"{text}.", fix)


def _of_endpoint(endpoint: EndpointStatus) -> Iterator[Problem]:
    part = endpoint_id(endpoint.name)
    if not endpoint.connected and (endpoint.problem or endpoint.needed):
        waiting = endpoint.queued + endpoint.in_flight
        text = f"{endpoint.where}: {endpoint.problem or 'no answer yet'}."
        if waiting:
            where = "on disk" if endpoint.policy == "spool" else "in memory"
            text += f" {count_of(waiting, 'message waits', 'messages wait')} {where}."
        fix, code = connection_fix(endpoint)
        level = "bad" if endpoint.needed else "warn"
        yield _problem("away", level, part, f"{endpoint.name} is not connected", text, fix, code)
    elif endpoint.problem:
        title = f"{endpoint.name} has a problem"
        yield _problem(
            "state", "bad", part, title, f"{endpoint.problem}.", "The bridge keeps trying."
        )
    if endpoint.queue_problem:
        title = f"{endpoint.name} does not keep its messages on disk"
        text = f"{endpoint.queue_problem}. Messages wait in memory, where a crash loses them."
        fix = "Free space on the disk, or set another path for the spool."
        yield _problem("spool", "bad", part, title, text, fix)
    if endpoint.connected and endpoint.queue_size and endpoint.policy != "spool":
        filled = endpoint.queued / endpoint.queue_size
        if filled > NEARLY_FULL:
            title = f"{endpoint.name} cannot keep up"
            text = f"Its send queue is {filled:.0%} full: {endpoint.queued} messages wait."
            fix = (
                "Send it fewer messages, e.g. with a limit in the route, or let it skip old values."
            )
            yield _problem("queue", "warn", part, title, text, fix, 'policy = "latest"')


def _of_route(route: RouteStatus) -> Iterator[Problem]:
    if not route.failing:
        return
    name = route.name or route.match
    title = f"Route {name} keeps failing" if route.problem else f"Route {name} has failed"
    lost = count_of(sum(route.failed.values()), "message", "messages")
    text = f"{route.last_error or route.problem}. It has lost {lost}."
    fix = "Correct this route in the configuration file, then reload."
    level = "bad" if route.problem else "warn"
    yield _problem("route", level, route_id(route), title, text, fix)


def _about_losses(
    part: str, name: str, lost: Mapping[str, int], endpoint: EndpointStatus | None
) -> Problem:
    count = count_of(sum(lost.values()), "message", "messages")
    reason = max(lost, key=lambda each: lost[each])
    if endpoint is None:
        what, fix, code = source_loss(reason)
        verb = "got packets that it rejects" if reason.startswith(BAD) else f"lost {count}"
        return _problem("lost", "warn", part, f"{name} {verb}", what, fix, code)
    what, fix, code = endpoint_loss(reason, endpoint)
    title = f"{name} dropped {count}"
    return _problem("lost", "warn", part, title, what, fix, code)
