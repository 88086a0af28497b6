"""Lines of ``oscbridge top`` about problems without making the bridge unready. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.text import Text

from oscbridge.cli.top_cells import cut, line, reasons
from oscbridge.cli.top_variables import variable_lines
from oscbridge.monitoring.snapshots import Snapshot
from oscbridge.status.route_status import RouteStatus
from oscbridge.status.status import BridgeStatus, Received

__all__ = ["notes"]

MAX_NOTES: Final = 4
"""Lines that are shown, at most."""


def notes(now: Snapshot, before: Snapshot | None) -> list[Text]:
    """Failing routes first, then what fails, matches no route, waits or deviates, by source.

    The values of variables come last.
    """
    old = {} if before is None else _sources(before)
    failing = [each for each in now.status.routes if each.failing]
    lines = [line("! dry run: nothing is sent", "bold yellow")] if now.status.is_dry else []
    lines += [_route(each) for each in failing]
    sources = _sources(now)
    for find in (_failures, _unmatched, _held, _tolerated):
        found = [find(name, each, old.get(name)) for name, each in sources.items()]
        lines += [each for each in found if each is not None]
    if ignored := sum(now.status.addresses.ignored.values()):
        lines.append(line(f"! {_count(ignored, 'known address', 'es')} left out or cut", "dim"))
    lines += [_announced(each) for each in now.status.bridges if each.announced]
    noted = cut(lines, MAX_NOTES, lambda count: Text(f"… {count} more", "dim"))
    old_values = {} if before is None else before.status.variables
    return [*noted, *variable_lines(now.status.variables, old_values)]


def _sources(snapshot: Snapshot) -> Mapping[str, Received]:
    """The counters of all sources, by name."""
    status = snapshot.status
    found = {each.name: each.received for each in status.bridges}
    return found | {e.name: e.received for e in status.endpoints if not e.is_bridge}


def _route(route: RouteStatus) -> Text:
    text = line(f"✖ {route.text} → {', '.join(route.to) or 'nowhere'}: ", "bold red")
    text.append(line(route.last_error, "red"))
    return text.append("  (").append(reasons(route.failed, None)).append(")")


def _failures(name: str, now: Received, before: Received | None) -> Text | None:
    """Calls of plugins' routes that failed; only while they fail."""
    if before is None or now.failed <= before.failed:
        return None
    return line(f"✖ {name}: {_count(now.failed, 'call')} failed, last {now.last_failure}", "red")


def _unmatched(name: str, now: Received, before: Received | None) -> Text | None:
    if not now.unmatched:
        return None
    grows = before is not None and now.unmatched > before.unmatched
    verb = "matches" if now.unmatched == 1 else "match"
    last = f", last {now.last_unmatched}" if now.last_unmatched else ""
    text = f"! {name}: {_count(now.unmatched, 'message')} {verb} no route{last}"
    return line(text, "yellow" if grows else "dim")


def _held(name: str, now: Received, _before: Received | None) -> Text | None:
    if not now.held:
        return None
    verb = "waits for its" if now.held == 1 else "wait for their"
    return line(
        f"! {name}: {_count(now.held, 'message')} {verb} time tag or for a process", "yellow"
    )


def _tolerated(name: str, now: Received, _before: Received | None) -> Text | None:
    if not any(now.tolerated.values()):
        return None
    kinds = ", ".join(f"{count:,} {reason}" for reason, count in now.tolerated.items() if count)
    return line(f"! {name}: accepted although they deviate from OSC: {kinds}", "dim")


def _announced(bridge: BridgeStatus) -> Text:
    if bridge.announce_problem:
        return line(f"! {bridge.name}: not announced: {bridge.announce_problem}", "yellow")
    return line(f"  {bridge.name}: {bridge.announced}", "dim")


def _count(count: int, noun: str, plural: str = "s") -> str:
    return f"{count:,} {noun}{'' if count == 1 else plural}"
