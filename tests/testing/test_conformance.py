"""The conformance suite accepts a good plugin, and each rule catches the mistakes it is about."""

from __future__ import annotations

import pytest
from line_plugin import bad
from line_plugin.good import Line

import oscbridge
from oscbridge.testing.conformance import RULES, CheckedType, Rule

BY_NAME = {rule.name: rule for rule in RULES}

MISTAKES = [
    ("documented", bad.WithBareOption, "the option 'colour' of BareOptions has no description"),
    ("construction", bad.OpensSocketWhenMade, "opens a socket"),
    ("construction", bad.StartsTaskWhenMade, "opens a task"),
    ("construction", bad.StartsThreadWhenMade, "thread"),
    ("construction", bad.StartsProcessWhenMade, "opens a process"),
    ("construction", bad.OpensFileWhenMade, "this is left: descriptor"),
    ("construction", bad.CallsNoSuper, "must call super().__init__(name, options)"),
    ("construction", bad.RaisesWhenMade, "LookupError: nothing there"),
    ("describe", bad.DescribesConnectionOnly, "before connect, describe raises AssertionError"),
    ("describe", bad.DescribesNothingAfterClose, "describe returns None, not text"),
    ("life-cycle", bad.ClosesOnlyWhatIsOpen, "close raises AssertionError"),
    ("life-cycle", bad.ConnectsOnce, "connect raises RuntimeError: cannot be connected again"),
    ("life-cycle", bad.ClosesForever, "close does not return within 1 s, waiting at"),
    ("sending", bad.SendsToNone, "before connect, send raises AttributeError"),
    ("sending", bad.SendsToNowhere, "before connect, send returns, and the message counts as sent"),
    ("sending", bad.WaitsForConnection, "before connect, send does not return within 2 s"),
    ("leftovers", bad.LeavesConnection, "after close, this is left: descriptor"),
    ("leftovers", bad.LeavesTask, "after close, this is left: task"),
    ("leftovers", bad.LeavesThread, "after close, this is left: thread"),
    ("leftovers", bad.LeavesFile, "after close, this is left: descriptor"),
    ("leftovers", bad.LeavesProcess, "after close, this is left: process"),
    ("leftovers", bad.Deaf, "Deaf has passed none to receive()"),
    ("blocking", bad.BlocksInSend, "it blocks the event loop for"),
    ("blocking", bad.HangsInConnect, "it blocked the event loop for 5 s"),
    ("cancellation", bad.HidesCancellation, "connect hides its cancellation"),
    ("cancellation", bad.IgnoresCancellation, "connect ignores its cancellation"),
    ("cancellation", bad.LeaksWhenCancelled, "after connect was cancelled and close() was called"),
    ("cancellation", bad.HidesCancellationOfTask, "this is left: task"),
    ("base-exceptions", bad.LeaksAtPanic, "after what connect waits for has raised"),
    ("base-exceptions", bad.HidesPanic, "connect hides the error of what it waits for"),
    ("base-exceptions", bad.ExitsWithoutPeer, "connect raises SystemExit: no peer"),
    ("base-exceptions", bad.ExitsAtOddMessages, "send raises KeyboardInterrupt"),
    ("peer-loss", bad.HidesErrors, "messages count as sent since then"),
    ("peer-loss", bad.DropsHalf, "the running peer has received 10"),
    ("peer-loss", bad.RaisesOwnErrors, "messages are dropped as 'error'"),
    ("reload", bad.UpdatesNothing, "UpdatesNothing.update returns None"),
    ("reload", bad.RaisesInUpdate, "update raises ZeroDivisionError"),
    (
        "reload",
        bad.DisconnectsAtUpdate,
        "after a reload with equal options: not connected: updated",
    ),
    ("life-cycle", bad.TaskFails, "nothing handles LookupError: in a task"),
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_good_plugin_follows_every_rule(rule: Rule) -> None:
    result = rule.check(CheckedType(Line))
    assert result.outcome == "passed", result.text


@pytest.mark.filterwarnings("ignore")  # a mistake may show itself in more than one way
@pytest.mark.parametrize(("rule", "kind", "text"), MISTAKES)
def test_rule_catches_a_mistake(rule: str, kind: type[oscbridge.AnyEndpoint], text: str) -> None:
    result = BY_NAME[rule].check(CheckedType(kind))
    assert result.outcome == "failed"
    assert text in result.text
    assert "\n" not in result.text


def test_every_rule_has_a_mistake_that_it_catches() -> None:
    assert {rule for rule, _, _ in MISTAKES} | {"loads"} == set(BY_NAME)
