"""Commands for clients that read slowly: none is lost, and they are bounded."""

from __future__ import annotations

from oscbridge_oscquery.changes import MAX_COMMANDS
from oscbridge_oscquery.commands import PATH_ADDED, PATH_CHANGED, PATH_REMOVED, OSCQueryCommand
from oscbridge_oscquery.pending_commands import EVERYTHING, PendingCommands

ADDED = OSCQueryCommand(PATH_ADDED, "/a")
REMOVED = OSCQueryCommand(PATH_REMOVED, "/a")


def test_commands_stay_in_order() -> None:
    pending = PendingCommands()
    pending.add([ADDED])
    pending.add([REMOVED])
    assert len(pending) == 2
    assert pending.take() == [ADDED, REMOVED]
    assert pending.take() == []


def test_repeated_command_counts_where_it_is_last() -> None:
    pending = PendingCommands()
    pending.add([ADDED, REMOVED, ADDED])
    assert pending.take() == [REMOVED, ADDED]


def test_too_many_commands_become_one_for_the_whole_tree() -> None:
    pending = PendingCommands()
    pending.add(OSCQueryCommand(PATH_CHANGED, f"/{number}") for number in range(MAX_COMMANDS))
    assert len(pending) == MAX_COMMANDS
    pending.add([ADDED])
    pending.add([REMOVED])
    assert pending.take() == [EVERYTHING]


def test_change_of_the_whole_tree_stands_for_all_others() -> None:
    pending = PendingCommands()
    pending.add([ADDED, EVERYTHING, REMOVED])
    assert pending.take() == [EVERYTHING]
