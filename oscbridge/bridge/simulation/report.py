"""A failed test as text: expected and received messages, and the steps of the routes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from oscbridge.bridge.app import App
from oscbridge.bridge.simulation.comparison import Line, ReceivedMessage
from oscbridge.bridge.simulation.output import captured
from oscbridge.bridge.simulation.runner import CaseResult, Moment
from oscbridge.bridge.trace_text import Style, trace_lines
from oscbridge.expressions.expression import CLOCK
from oscbridge.logs.format import visible
from oscbridge.osc import Message
from oscbridge.osc.text import format_message

__all__ = ["failure_lines", "reason_of_failure"]

MAX_SHOWN: Final = 20
"""Messages of one kind in a row that are shown."""

CONTEXT: Final = 2
"""Messages as expected that are shown before and after a difference."""

MAX_TRACES: Final = 5
"""Messages whose way through the routes is shown."""

MAX_TRACE_LINES: Final = 60
"""Lines of the trace of one message."""


def reason_of_failure(result: CaseResult) -> str:
    """Why a test failed, in one line; empty if it passed."""
    if result.errors:
        return result.errors[0]
    for name, lines in result.comparisons:
        for line in lines:
            if line.is_match:
                continue
            if line.expected is None and line.received is not None:
                return f"{name}: unexpected {_received_text(line)}"
            if line.expected is not None and line.received is None:
                return f"{name}: missing {visible(line.expected.pattern.text)}"
            return f"{name}: {line.difference}: {_received_text(line)}"
    for forbidden, received in result.forbidden:
        return f"never {visible(forbidden.text)}: {received.to} {_text(received.message)}"
    return ""


def failure_lines(result: CaseResult, app: App, style: Style) -> Iterator[str]:
    """Everything about a failed test. ``app`` has the routes, unused."""
    for error in result.errors:
        yield f"{style('error:', fg='red', bold=True)} {visible(error)}"
    if result.errors:
        yield ""
    timed = _is_timed(result)
    for name, lines in result.comparisons:
        if not all(line.is_match for line in lines):
            yield f"{style(name, fg='cyan', bold=True)}: expected (-) and received (+)"
            yield from _comparison(lines, style, timed)
            yield ""
    yield from _forbidden(result, style, timed)
    yield from _elsewhere(result, style, timed)
    if result.printed:
        yield "printed by functions of routes:"
        yield from (f"    {visible(line)}" for line in result.printed.splitlines())
        yield ""
    yield from _traces(result, app, style)


def _comparison(lines: Sequence[Line], style: Style, timed: bool) -> Iterator[str]:
    shown = {
        near
        for index, line in enumerate(lines)
        if not line.is_match
        for near in range(index - CONTEXT, index + CONTEXT + 1)
    }
    count = 0
    for is_shown, group in groupby(enumerate(lines), key=lambda each: each[0] in shown):
        found = [line for _, line in group]
        if not is_shown:
            yield style(f"      … {_messages(len(found))} as expected", fg="bright_black")
            continue
        for line in found:
            count += 1
            if count <= MAX_SHOWN:
                yield from _pair(line, style, timed)
        if count > MAX_SHOWN:
            left = sum(not line.is_match for line in lines)
            yield f"      … ({left} differences in total)"
            return


def _pair(line: Line, style: Style, timed: bool) -> Iterator[str]:
    """A message as expected, or the expected one above the received one."""
    if line.is_match:
        if line.received is not None:
            yield f"      {_time(line.received.at, timed)}{_received_text(line)}"
        return
    if line.expected is not None:
        at = _time(line.expected.at, timed)
        yield style(f"    - {at}{visible(line.expected.pattern.text)}", fg="red")
    if line.received is not None:
        text = f"    + {_time(line.received.at, timed)}{_received_text(line)}"
        why = f"    {line.difference}" if line.difference else ""
        yield style(text, fg="green") + style(why, fg="yellow")


def _forbidden(result: CaseResult, style: Style, timed: bool) -> Iterator[str]:
    for wanted, group in groupby(result.forbidden, key=lambda each: each[0]):
        found = [received for _, received in group]
        yield f"{style('never', bold=True)} {visible(wanted.text)}: but received"
        yield from _list(found, style, timed)
        yield ""


def _elsewhere(result: CaseResult, style: Style, timed: bool) -> Iterator[str]:
    """The messages at endpoints that the test does not name, as they may be the missing ones."""
    named = {name for name, _ in result.comparisons}
    hits = [id(received) for _, received in result.forbidden]
    others = [each for each in result.received if each.to not in named and id(each) not in hits]
    if others:
        yield "received by endpoints that are not under 'expect':"
        yield from _list(others, style, timed)
    elif not result.received:
        yield "no endpoint received a message"
    else:
        return
    yield ""


def _list(received: Sequence[ReceivedMessage], style: Style, timed: bool) -> Iterator[str]:
    for each in received[:MAX_SHOWN]:
        name = style(each.to, fg="cyan")
        yield f"      {_time(each.at, timed)}{name} {_text(each.message)}"
    if len(received) > MAX_SHOWN:
        yield f"      … {_messages(len(received) - MAX_SHOWN)} more"


def _traces(result: CaseResult, app: App, style: Style) -> Iterator[str]:
    """What the routes did with each message that was sent, in the state that they had then."""
    timed = any(each.sent.at for each in result.moments)
    seen: dict[tuple[str, ...], str] = {}
    begin = max(0, _first_bad(result) - MAX_TRACES + 1)
    left = len(result.case.sent) - begin
    if begin:
        yield f"… {_messages(begin)} sent before"
    for moment in result.moments[begin : begin + MAX_SHOWN]:
        first, *lines = _trace(moment, app, style)
        key = (moment.sent.source, *lines)
        if key not in seen and len(seen) >= MAX_TRACES:
            break
        yield f"{_time(moment.sent.at, timed)}{first}"
        yield from (f"  as {seen[key]}",) if key in seen else lines
        seen.setdefault(key, format_message(moment.sent.message))
        left -= 1
    if left:
        yield f"… {_messages(left)} more sent"


def _first_bad(result: CaseResult) -> int:
    """The index of the moment at which the test begins to fail."""
    numbers = {id(each): number for number, each in enumerate(result.received)}
    bad = [numbers[id(received)] for _, received in result.forbidden]
    for _, lines in result.comparisons:
        last = 0
        for line in lines:
            if line.received is not None:
                last = numbers[id(line.received)]
            if not line.is_match:
                bad.append(last)
                break
    first = min(bad, default=len(result.received))
    moments = [n for n, each in enumerate(result.moments) if each.received <= first]
    lost = [n for n, each in enumerate(result.moments) if each.state.is_lost]
    return min([*moments[-1:], *lost[:1]], default=0)


def _trace(moment: Moment, app: App, style: Style) -> list[str]:
    """The trace of one message. Functions of routes run again."""
    sent = moment.sent
    token = CLOCK.set(lambda: moment.now)
    try:
        with captured():
            lines, _ = trace_lines(
                app, sent.source, sent.message, style, only_matches=True, state=moment.state
            )
    finally:
        CLOCK.reset(token)
    if len(lines) > MAX_TRACE_LINES:
        left = len(lines) - MAX_TRACE_LINES
        lines = [*lines[:MAX_TRACE_LINES], f"    … ({left} lines more; see check --trace)"]
    return lines


def _is_timed(result: CaseResult) -> bool:
    """Whether times say anything: not if all is sent and received at the start."""
    times = [each.at for each in result.case.sent]
    times += [each.at or 0.0 for each in result.case.expected]
    return any(times) or any(each.at for each in result.received)


def _time(at: float | None, timed: bool) -> str:
    if not timed:
        return ""
    return f"{'' if at is None else f'{at:.4g} s':>9}  "


def _received_text(line: Line) -> str:
    """A received message, with its type tags if those are expected."""
    if line.received is None:
        return ""
    typed = line.expected is not None and line.expected.pattern.types is not None
    return _text(line.received.message, typed=typed)


def _text(message: Message, *, typed: bool = False) -> str:
    return format_message(message if typed else message._replace(types=None))


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"
