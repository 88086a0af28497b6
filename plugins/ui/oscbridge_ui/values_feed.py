"""The list of values for one page: the part on its screen, and the changes there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from oscbridge.monitoring import peer_text
from oscbridge_ui.address_tree import AddressTree
from oscbridge_ui.client_messages import WatchValues
from oscbridge_ui.scope import PageScope
from oscbridge_ui.shown_values import shown_values, texts_of
from oscbridge_ui.steady_time import steady_time
from oscbridge_ui.topic import Topic
from oscbridge_ui.value_rows import ValueRow
from oscbridge_ui.value_store import HISTORY, StoredValue, ValueStore
from oscbridge_ui.values_messages import TreeNode, ValueHistory, ValuesState

__all__ = ["ValuesTopic", "value_row"]

TICK: Final = 1 / 10
"""Seconds between two looks at the values on the screen."""

LIST_INTERVAL: Final = 1.0
"""Seconds between two looks at the whole list, if nothing else asks for it."""

NEW_INTERVAL: Final = 0.25
"""Seconds between two looks at it while new addresses arrive."""

STALE: Final = 300.0
"""Seconds without a message after which a value is stale."""

_PLAIN: Final = frozenset("ifhdTFNI")
"""Type tags of values whose text has only these characters, in lower case:"""

_CHARACTERS: Final = frozenset("0123456789.+-e") | frozenset("infnantruefalsenoneimpulse")

MINUS: Final = "\u2212"
"""The sign with which a page writes negative numbers."""

MINUTE: Final = 60
"""Seconds of history of each row."""


MAX_NODES: Final = 2_000
"""Nodes of the tree in one message, and those of one more branch: the others follow."""


FADING: Final = 0.7
"""What the messages of a second count one second later, where the busiest are first."""


class ValuesTopic(Topic):
    """A window of the filtered and sorted list, and the open branches of the tree."""

    def __init__(self, store: ValueStore, scope: PageScope, wake: Callable[[], None]) -> None:
        self._store = store
        self._scope = scope
        self._wake = wake
        self._request = WatchValues(type="watch_values")
        self._tree = AddressTree()
        self._listed: Sequence[str] = ()
        self._counts = (0, 0, 0)
        self._list_due = 0.0
        self._list_number = -1
        self._recent: Mapping[str, tuple[int, float]] = {}
        """The messages of each address so far, and those of the last seconds."""
        self._is_tree_new = True
        self._tree_open: Sequence[str] = ()
        self._tree_due: dict[str, None] = {}
        """Open branches that are still to be compared with those that were sent."""
        self._sent: dict[str, int] = {}
        """How often each address on the screen had changed when it was sent."""
        self._plotted: frozenset[str] = frozenset()
        """Addresses whose whole history was sent."""
        self._order: Sequence[str] | None = None
        self._sent_tree: dict[str, Sequence[TreeNode]] = {}
        self._sources: Sequence[str] = ()
        self._sent_sources: Sequence[str] | None = None
        self._sent_counts: tuple[int, ...] = ()
        self._is_due = False
        self._is_ready = False
        """Whether the store can describe addresses."""
        self._task = asyncio.create_task(self._tick())

    def watch(self, request: WatchValues) -> None:
        """Show another window, or another list."""
        before, self._request = self._request, request
        kept = {"first": 0, "count": 0, "chosen": (), "open": ()}
        if before.model_copy(update=kept) != request.model_copy(update=kept):
            self._list_due = 0.0
        self._is_due = True

    def use(self, store: ValueStore, scope: PageScope) -> None:
        """The token of the page has other addresses or endpoints now."""
        self._store, self._scope = store, scope
        self._sent, self._plotted = {}, frozenset()
        self._list_due, self._list_number = 0.0, -1
        self._is_due = True

    def close(self) -> None:
        self._task.cancel()

    async def _tick(self) -> None:
        await self._store.prepare()
        self._is_ready = True
        while True:
            self._is_due = True
            self._wake()
            await asyncio.sleep(TICK)

    def take(self) -> ValuesState | None:
        if not self._is_due or not self._is_ready:
            return None
        self._is_due = False
        now = steady_time()
        self._renew_list(now)
        request = self._request
        window = self._listed[request.first : request.first + request.count]
        shown = dict.fromkeys((*window, *request.chosen))
        rows, histories = self._changes(shown)
        order = None if window == self._order else window
        self._order = window
        tree, sources = self._new_tree(), self._new_sources()
        counts = (*self._counts, len(self._listed), self._store.forgotten)
        is_same = counts == self._sent_counts and not rows and not histories
        if is_same and order is None and tree is None and sources is None:
            return None
        self._sent_counts = counts
        total, live, stale = self._counts
        return ValuesState(
            time=now,
            total=total,
            live=live,
            stale=stale,
            found=len(self._listed),
            first=request.first,
            order=order,
            rows=rows,
            histories=histories,
            tree=tree,
            sources=sources,
            forgotten=counts[-1],
        )

    def _changes(self, shown: Iterable[str]) -> tuple[list[ValueRow], list[ValueHistory]]:
        """The rows that have changed, and the histories of those that are new."""
        before, self._sent = self._sent, {}
        plotted, self._plotted = self._plotted, frozenset(self._request.chosen)
        rows: list[ValueRow] = []
        histories: list[ValueHistory] = []
        for address in shown:
            value = self._store.get(address)
            if value is None:
                continue
            self._sent[address] = value.changed
            if before.get(address) != value.changed:
                rows.append(value_row(value, self._store, self._scope))
            is_plotted = address in self._plotted and address not in plotted
            if is_plotted or address not in before:
                seconds = HISTORY if is_plotted else MINUTE
                if (found := self._store.history(value, seconds)) is not None:
                    histories.append(ValueHistory(address=address, values=found))
        return rows, histories

    # --- the list -----------------------------------------------------------------------------

    def _renew_list(self, now: float) -> None:
        number = self._store.order_number
        if now < self._list_due and (
            number == self._list_number or now < self._list_due - LIST_INTERVAL + NEW_INTERVAL
        ):
            return
        values = self._store.ordered()
        self._sources = tuple(self._store.sources)
        if number != self._list_number:
            self._tree.update(each.address for each in values)
            self._is_tree_new = True
        self._list_number, self._list_due = number, now + LIST_INTERVAL
        live = sum(now - each.time < STALE for each in values)
        self._counts = len(values), live, len(values) - live
        found = [each for each in values if self._fits(each, now)] if self._is_narrowed else values
        match self._request.sort:
            case "rate":
                found = self._busiest_first(found)
            case "age":
                found = sorted(found, key=lambda each: -each.time)
        self._listed = tuple(each.address for each in found)

    def _busiest_first(self, values: Sequence[StoredValue]) -> Sequence[StoredValue]:
        """By the messages of the last seconds; the latest second counts most."""
        recent: dict[str, tuple[int, float]] = {}
        for each in values:
            count, score = self._recent.get(each.address, (each.count, 0.0))
            recent[each.address] = each.count, score * FADING + each.count - count
        self._recent = recent
        return sorted(values, key=lambda each: (-recent[each.address][1], -each.count))

    @property
    def _is_narrowed(self) -> bool:
        request = self._request
        return bool(request.query or request.prefix or request.source) or request.state != "all"

    def _fits(self, value: StoredValue, now: float) -> bool:
        request = self._request
        if request.prefix and not _is_below(value.address, request.prefix):
            return False
        if request.source and request.source not in value.sources:
            return False
        if request.state != "all" and (now - value.time < STALE) != (request.state == "live"):
            return False
        names = (*value.sources, *value.sinks)
        words = request.query.lower().replace(MINUS, "-").split()
        return all(_contains(value, names, word) for word in words)

    def _new_tree(self) -> Mapping[str, Sequence[TreeNode]] | None:
        """The open branches that are new or have changed, as many as fit into one message."""
        wanted = dict.fromkeys(self._request.open)
        if self._is_tree_new or self._request.open != self._tree_open:
            self._is_tree_new, self._tree_open = False, self._request.open
            waiting = [path for path in self._tree_due if path in wanted]
            self._tree_due = dict.fromkeys((*waiting, *wanted))  # each has its turn
            sent = self._sent_tree.items()
            self._sent_tree = {path: each for path, each in sent if path in wanted}
        changed: dict[str, Sequence[TreeNode]] = {}
        count = 0
        while self._tree_due and count < MAX_NODES:
            path = next(iter(self._tree_due))
            del self._tree_due[path]
            found = self._tree.children(path)
            count += len(found) + 1
            if self._sent_tree.get(path) != found:
                self._sent_tree[path] = changed[path] = found
        return changed or None

    def _new_sources(self) -> Sequence[str] | None:
        if self._sources == self._sent_sources:
            return None
        self._sent_sources = self._sources
        return self._sources


def _is_below(address: str, prefix: str) -> bool:
    return address == prefix or address.startswith(f"{prefix}/")


def _contains(value: StoredValue, names: Sequence[str], word: str) -> bool:
    """Whether a value has a word in its address, its parts' ``names``, types or values."""
    if word in value.address.lower():
        return True
    if any(word in name.lower() for name in names):
        return True
    if word.startswith(",") and (value.types or "").lower() == word[1:]:
        return True
    if _PLAIN.issuperset(value.types or "") and not _CHARACTERS.issuperset(word):
        return False  # most of ten thousand values, at each look
    return any(word in each for each in texts_of(value.args))


def value_row(value: StoredValue, store: ValueStore, scope: PageScope) -> ValueRow:
    """A value as it is sent to a page."""
    sources = scope.visible(value.sources or _origin(value))
    args, is_cut = shown_values(value.args)
    return ValueRow(
        address=value.address,
        types=(value.types or "")[:64],
        args=args,
        cut=is_cut,
        count=value.count,
        time=value.time,
        received=bool(value.sources),
        sources=sources,
        sinks=scope.visible(value.sinks),
        receivers=scope.visible(store.receivers(value)),
        peer=peer_text(value.origin) if sources or not scope.is_limited else "",
        described=store.describe(value.address),
    )


def _origin(value: StoredValue) -> Sequence[str]:
    """The source of a message that was only seen when it was delivered: a route has renamed it."""
    return () if value.origin is None else (value.origin.source,)
