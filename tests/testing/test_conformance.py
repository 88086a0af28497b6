"""The conformance suite accepts a good plugin, and each rule catches the mistakes it is about."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from line_plugin import bad
from line_plugin.good import Line, LineOptions
from line_plugin.peer import LinePeer

import oscbridge
from oscbridge.testing.conformance import RULES, CheckedType, PeerMissing, Rule

BY_NAME = {rule.name: rule for rule in RULES}

MISTAKES = [
    (
        "documented",
        bad.WithBareOption,
        "without a description: the option of BareOptions: 'colour'",
    ),
    ("construction", bad.OpensSocketWhenMade, "opens a socket"),
    ("construction", bad.StartsTaskWhenMade, "opens a task"),
    ("construction", bad.StartsThreadWhenMade, "thread"),
    ("construction", bad.StartsProcessWhenMade, "opens a process"),
    ("construction", bad.OpensFileWhenMade, "this is left: descriptor"),
    ("construction", bad.ReadsFileWhenMade, "opens the file /etc/hostname"),
    ("construction", bad.RunsCommandWhenMade, "opens a process"),
    ("construction", bad.CallsNoSuper, "must call super().__init__(name, options)"),
    ("construction", bad.RaisesWhenMade, "LookupError: nothing there"),
    ("describe", bad.DescribesConnectionOnly, "before connect, describe raises AssertionError"),
    ("describe", bad.DescribesNothingAfterClose, "describe returns None, not text"),
    ("life-cycle", bad.ClosesOnlyWhatIsOpen, "close raises AssertionError"),
    ("life-cycle", bad.ConnectsOnce, "connect raises RuntimeError: cannot be connected again"),
    ("life-cycle", bad.StopsLoop, "it stops the event loop; the loop belongs to the bridge"),
    ("life-cycle", bad.CancelsAllTasks, "it cancels tasks that are not its own"),
    ("life-cycle", bad.ClosesForever, "close does not return within 1 s, waiting at"),
    ("sending", bad.SendsToNone, "before connect, send raises AttributeError"),
    ("sending", bad.SendsToNowhere, "before connect, send returns, and the message counts as sent"),
    ("sending", bad.WaitsForConnection, "before connect, send does not return within 2 s"),
    ("sending", bad.RejectsWithoutConnection, "a message that its peer takes is lost"),
    ("leftovers", bad.LeavesConnection, "after close, this is left: descriptor"),
    ("leftovers", bad.LeavesTask, "after close, this is left: task"),
    ("leftovers", bad.LeavesThread, "after close, this is left: thread"),
    ("leftovers", bad.LeavesCallOnThread, "after close, this is left: thread 'asyncio_"),
    ("leftovers", bad.LeavesTimer, "after close, this is left: timer (set at "),
    ("leftovers", bad.LeavesFile, "after close, this is left: descriptor"),
    ("leftovers", bad.LeavesProcess, "after close, this is left: process"),
    ("receiving", bad.Deaf, "Deaf has passed none to receive()"),
    ("receiving", bad.ReceivesText, "it reported: task ReceivesText._read died: "),
    ("receiving", bad.ReceivesOnThread, "receive is called on the thread 'asyncio_0'"),
    ("blocking", bad.BlocksInSend, "it blocks the event loop for"),
    ("blocking", bad.BlocksInC, "it blocks the event loop for"),
    ("blocking", bad.BlocksInUpdate, "it blocks the event loop for"),
    ("blocking", bad.BlocksInCallback, "in a callback or a thread"),
    ("blocking", bad.HangsInConnect, "it blocked the event loop for 5 s"),
    ("cancellation", bad.HidesCancellation, "connect hides its cancellation"),
    ("cancellation", bad.IgnoresCancellation, "connect ignores its cancellation"),
    ("cancellation", bad.TurnsCancellationIntoLoss, "connect turns its cancellation (at "),
    ("cancellation", bad.LeaksWhenCancelled, "after connect was cancelled and close() was called"),
    ("cancellation", bad.HidesCancellationOfTask, "this is left: task"),
    ("base-exceptions", bad.LeaksAtPanic, "after what connect waits for has raised"),
    ("base-exceptions", bad.HidesPanic, "connect hides the error of what it waits for"),
    ("base-exceptions", bad.ExitsWithoutPeer, "connect raises SystemExit: no peer"),
    ("base-exceptions", bad.ExitsAtOddMessages, "send raises KeyboardInterrupt"),
    ("peer-loss", bad.HidesErrors, "messages count as sent since then"),
    ("peer-loss", bad.BuffersInMemory, "messages count as sent that nobody has received"),
    ("peer-loss", bad.DropsHalf, "the running peer has received 10"),
    ("peer-loss", bad.RaisesOwnErrors, "messages are dropped as 'error'"),
    ("peer-loss", bad.RejectsWhenPeerIsGone, "messages are dropped as 'bad'"),
    ("reload", bad.UpdatesNothing, "UpdatesNothing.update returns None"),
    ("reload", bad.RaisesInUpdate, "update raises ZeroDivisionError"),
    (
        "reload",
        bad.DisconnectsAtUpdate,
        "after a reload with equal options: not connected: updated",
    ),
    ("peer-loss", bad.SendsTwice, "the running peer has received 40; send each once"),
    ("two-endpoints", bad.SharesConnection, "sends 5 messages, and its peer receives 0"),
    ("two-endpoints", bad.ClosesOtherEndpoints, "after the other was closed, one of two endpoints"),
    ("process", bad.HandlesSignals, "changes the handlers of signals"),
    ("process", bad.ChangesFolder, "changes the current folder (os.chdir)"),
    ("process", bad.ConfiguresLogging, "changes the logging of the whole process"),
    ("process", bad.LimitsAllSockets, "changes the time-out of all sockets"),
    ("process", bad.HandlesErrorsOfTheLoop, "changes the settings of the event loop"),
    ("process", bad.ChangesEnvironment, "changes the environment (os.environ)"),
    ("process", bad.ChangesModeOfFiles, "changes the mode of new files (os.umask)"),
    ("process", bad.StopsCollection, "changes the garbage collection (gc.disable)"),
    ("process", bad.LimitsRecursion, "changes the limit of recursion"),
    ("life-cycle", bad.EndsProcess, "connect raises SystemExit: os._exit(3)"),
    ("logging", bad.LogsEveryMessage, "messages, the last is 'sent /example'"),
    ("logging", bad.LogsEveryMessageBelow, "messages, the last is 'sent /example'"),
    ("describe", bad.ShowsPassword, "ShowsPassword.describe shows the secret 'password'"),
    ("life-cycle", bad.TaskFails, "nothing handles LookupError: in a task"),
]


@pytest.fixture(autouse=True)
def unchanged_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Undo what plugins change."""
    monkeypatch.chdir(tmp_path)
    handler, handlers = signal.getsignal(signal.SIGUSR2), list(logging.getLogger().handlers)
    yield
    signal.signal(signal.SIGUSR2, handler)
    logging.getLogger().handlers[:] = handlers
    socket.setdefaulttimeout(None)


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


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [kind for rule, kind, _ in MISTAKES if rule == "process"])
def test_change_of_the_process_is_caught_after_other_rules(
    kind: type[oscbridge.AnyEndpoint],
) -> None:
    checked = CheckedType(kind)
    BY_NAME["life-cycle"].check(checked)  # it changes the process first
    result = BY_NAME["process"].check(checked)
    assert result.outcome == "failed"
    assert "which the whole bridge shares" in result.text


def test_every_rule_has_a_mistake_that_it_catches() -> None:
    assert {rule for rule, _, _ in MISTAKES} | {"loads"} == set(BY_NAME)


class WithoutPeer(Line):
    example_peer = ""
    example_options: ClassVar[oscbridge.TomlTable] = {"to": "127.0.0.1:1"}


NEED_A_PEER = {rule.name for rule in RULES} - {
    *("loads", "documented", "construction", "describe"),
}


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule_that_needs_a_peer_is_not_run_without_one(rule: Rule) -> None:
    result = rule.check(CheckedType(WithoutPeer))
    assert result.outcome == ("not run" if rule.name in NEED_A_PEER else "passed"), result.text
    assert ("set WithoutPeer.example_peer" in result.text) is (rule.name in NEED_A_PEER)


class MissingPeer(LinePeer):
    async def start(self) -> None:
        raise PeerMissing("needs a line printer; on Debian: apt install printer")


class Multicast(LinePeer):
    has_connections = False


def test_loss_of_a_peer_is_not_checked_without_connections() -> None:
    result = BY_NAME["peer-loss"].check(CheckedType(Line, peer=Multicast))
    assert str(result) == "peer-loss: not run: its protocol has no connections"


def test_rule_is_not_run_if_the_program_of_the_peer_is_missing() -> None:
    result = BY_NAME["peer-loss"].check(CheckedType(Line, peer=MissingPeer))
    assert str(result) == (
        "peer-loss: not run: needs a line printer; on Debian: apt install printer"
    )


class WithWrongPeer(Line):
    example_peer = "line_plugin.good:Line"


class WithMissingPeer(Line):
    example_peer = "line_plugin.nothing:Peer"


class WithoutExample(Line):
    example_peer = ""


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (WithWrongPeer, "WithWrongPeer.example_peer = 'line_plugin.good:Line': TypeError: "),
        (WithMissingPeer, "example_peer = 'line_plugin.nothing:Peer': ModuleNotFoundError: "),
        (WithoutExample, "endpoint.checked.to: missing"),
        (WithoutExample, "set WithoutExample.example_options to keys with which an endpoint can"),
    ],
)
def test_wrong_example_is_explained(kind: type[oscbridge.AnyEndpoint], text: str) -> None:
    result = BY_NAME["construction"].check(CheckedType(kind))
    assert result.outcome == "failed"
    assert text in result.text


def test_options_are_added_to_those_of_the_peer() -> None:
    class WithColour(LineOptions):
        colour: str = "red"
        """The colour."""

    class Coloured(Line):
        options_type = WithColour

        async def connect(self) -> None:
            assert isinstance(self.options, WithColour)
            if self.options.colour != "blue":
                raise oscbridge.EndpointError("wrong colour")
            await super().connect()

    rule = BY_NAME["leftovers"]
    assert rule.check(CheckedType(Coloured, options={"colour": "blue"})).outcome == "passed"
    assert "wrong colour" in rule.check(CheckedType(Coloured)).text
