"""The changes between two trees, as commands for clients. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import oscbridge
from oscbridge_oscquery.commands import (
    PATH_ADDED,
    PATH_CHANGED,
    PATH_REMOVED,
    PATH_RENAMED,
    OSCQueryCommand,
)

__all__ = ["MAX_COMMANDS", "tree_changes"]

MAX_COMMANDS: Final = 32
"""Commands after which one ``PATH_CHANGED`` of the root says it all."""

MAX_COMPARED: Final = 2_000
"""Nodes of subtrees that are compared to find those that were renamed."""


def tree_changes(old: oscbridge.AddressBook, new: oscbridge.AddressBook) -> list[OSCQueryCommand]:
    """The commands that lead clients from one tree to another, in the order to send them.

    Of a subtree that is new, gone or renamed as a whole only the topmost node is named.
    """
    if old is new:
        return []
    added = _topmost((path for path in new if path not in old), old)
    removed = _topmost((path for path in old if path not in new), new)
    changed = [path for path, info in new.items() if path in old and not _is_same(info, old[path])]
    # Nodes that are containers before and after, and get or lose facts of their own.
    changed += [path for path in new if path not in old and old.node(path) is not None]
    changed += [path for path in old if path not in new and new.node(path) is not None]
    if len(added) + len(removed) + len(changed) > 2 * MAX_COMMANDS:
        return [OSCQueryCommand(PATH_CHANGED, "/")]
    renamed = _renamed(removed, added, old, new)
    commands = [OSCQueryCommand(PATH_RENAMED, was, now) for was, now in renamed.items()]
    commands += [OSCQueryCommand(PATH_REMOVED, path) for path in removed if path not in renamed]
    taken = set(renamed.values())
    commands += [OSCQueryCommand(PATH_ADDED, path) for path in added if path not in taken]
    commands += [OSCQueryCommand(PATH_CHANGED, path) for path in changed]
    return commands if len(commands) <= MAX_COMMANDS else [OSCQueryCommand(PATH_CHANGED, "/")]


def _is_same(one: oscbridge.AddressInfo, other: oscbridge.AddressInfo) -> bool:
    return one is other or _facts(one) == _facts(other)


def _facts(info: oscbridge.AddressInfo) -> oscbridge.AddressInfo:
    """What clients see of a node besides its path."""
    return replace(info, address="", origin="", curve="")


def _topmost(paths: Iterable[str], other: oscbridge.AddressBook) -> list[str]:
    """The topmost nodes on the way to each path that are not in the other tree."""
    found: dict[str, None] = {}
    for path in paths:
        top = ""
        while path and other.node(path) is None:
            top, path = path, path.rpartition("/")[0]
        if top:
            found[top] = None
    return list(found)


def _renamed(
    removed: list[str],
    added: list[str],
    old: oscbridge.AddressBook,
    new: oscbridge.AddressBook,
) -> dict[str, str]:
    """New paths by old ones, where the nodes below are the same, and nothing else is like it."""
    if not removed or not added:
        return {}
    was = _contents(removed, old)
    now = _contents(added, new)
    count, count_now = Counter(was.values()), Counter(now.values())
    roots = {content: root for root, content in now.items()}
    return {
        root: roots[content]
        for root, content in was.items()
        if count[content] == 1 and count_now[content] == 1
    }


def _contents(
    roots: list[str], book: oscbridge.AddressBook
) -> dict[str, frozenset[tuple[str, oscbridge.AddressInfo]]]:
    """The facts below each root by relative paths; those of huge subtrees are left out."""
    found = {}
    remaining = MAX_COMPARED
    for root in roots:
        node = book.node(root)
        if node is None:
            continue
        facts: set[tuple[str, oscbridge.AddressInfo]] = set()
        for each in node.walk():
            remaining -= 1
            if remaining < 0:
                return {}
            if each.info is not None:
                facts.add((each.path.removeprefix(root), _facts(each.info)))
        found[root] = frozenset(facts)
    return found
