"""Subscriptions with common topics: each message is received once for each of its addresses.

For a message of two subscriptions a broker may send one copy or two (MQTT 5.0, section 3.3.4;
MQTT 3.1.1, section 3.3.5). With MQTT 5 a copy names its subscriptions by their identifiers.
Without identifiers a subscription is left out if another one includes all of its topics.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from oscbridge_mqtt.subscription import Subscription
from oscbridge_mqtt.topic import SHOWN, wildcard_parts, without_share

__all__ = [
    "SubscriptionPlan",
    "covers",
    "explanations",
    "is_shared",
    "overlapping_pairs",
    "precedence",
]

LARGEST_IDENTIFIER: Final = 268_435_455
"""The largest subscription identifier (MQTT 5.0, section 3.8.2.1.2)."""

MAX_EXPLAINED: Final = 10
"""Most pairs of subscriptions that are explained."""

_RANKS: Final = {"+": 1, "#": 2}


def is_shared(text: str) -> bool:
    """Whether a topic filter is of a shared subscription."""
    return text.startswith("$share/")


def precedence(one: Subscription) -> tuple[bool, tuple[int, ...]]:
    """Sorts subscriptions with common topics: the one whose options apply is first.

    A shared one is last: it does not receive all messages. Then the more specific one is first,
    compared from the first level: ``a/b``, ``a/+``, ``a/#``.
    """
    levels = without_share(one.topic).split("/")
    return is_shared(one.topic), tuple([_RANKS.get(level, 0) for level in levels])


def covers(broad: str, narrow: str) -> bool:
    """Whether a topic filter matches all topics of another one. Both without ``$share``."""
    if narrow.startswith("$") and not broad.startswith("$"):
        return False
    levels = narrow.split("/")
    wanted = broad.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or levels[index] == "#":
            return False
        if level not in ("+", levels[index]):
            return False
    return len(levels) == len(wanted)


def _overlap(one: str, other: str) -> bool:
    """Whether a topic exists that both filters match."""
    if one.startswith("$") != other.startswith("$"):
        return False  # section 4.7.2: wildcards at the front do not match $SYS
    first, second = one.split("/"), other.split("/")
    for mine, theirs in zip(first, second, strict=False):
        if "#" in (mine, theirs):
            return True
        if "+" not in (mine, theirs) and mine != theirs:
            return False
    shorter, longer = sorted((first, second), key=len)
    return len(first) == len(second) or longer[len(shorter) :] == ["#"]


def overlapping_pairs(
    subscriptions: Sequence[Subscription],
) -> Iterator[tuple[Subscription, Subscription]]:
    """All pairs of subscriptions with common topics; of each the one that applies is first."""
    by_level: defaultdict[str, list[Subscription]] = defaultdict(list)
    for one in subscriptions:
        text = without_share(one.topic)
        level = text.split("/", 1)[0]
        # Only filters with the same first level, or with a wildcard there, can overlap.
        others: Iterable[Subscription] = [*by_level[level], *by_level["+"], *by_level["#"]]
        if level in _RANKS:
            others = [each for found in by_level.values() for each in found]
        for other in others:
            if _overlap(text, without_share(other.topic)):
                first, second = sorted((other, one), key=precedence)
                yield first, second
        by_level[level].append(one)


def explanations(subscriptions: Sequence[Subscription], *, is_5: bool) -> Sequence[str]:
    """One sentence for each pair of subscriptions with common topics, 10 at most."""
    found: list[str] = []
    for first, second in overlapping_pairs(subscriptions):
        if len(found) == MAX_EXPLAINED:
            found.append("subscribe: there are more subscriptions that overlap")
            break
        apply = f"once, with the options of {first.topic[:SHOWN]!r}"
        if is_shared(first.topic):
            apply = "once if both bring it"
        elif first.address != second.address:
            apply = "once for each address"
        if not is_5 and not covers(without_share(second.topic), without_share(first.topic)):
            apply += "; with MQTT 3.1.1 some brokers send it twice"
        found.append(
            f"subscribe: {first.topic[:SHOWN]!r} and {second.topic[:SHOWN]!r} overlap: "
            f"a message for both is received {apply}"
        )
    return found


def _identifiers(topics: Iterable[str]) -> Mapping[str, int]:
    """A subscription identifier for each topic filter.

    They are the same at each start: the broker keeps them with the session.
    """
    found: dict[str, int] = {}
    used: set[int] = set()
    for topic in sorted(topics):
        identifier = zlib.crc32(topic.encode()) % LARGEST_IDENTIFIER + 1
        while identifier in used:
            identifier = identifier % LARGEST_IDENTIFIER + 1
        used.add(identifier)
        found[topic] = identifier
    return found


class SubscriptionPlan:
    """What to subscribe to, and which subscription a message is received for."""

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        self._subscriptions = subscriptions
        pairs = list(overlapping_pairs(subscriptions))
        shared = [one.topic for one in subscriptions if is_shared(one.topic)]
        self._identifiers = _identifiers({*shared, *(one.topic for pair in pairs for one in pair)})
        self.has_overlaps = bool(pairs)
        self._known = frozenset(self._identifiers.values())
        self._rejected: set[str] = set()
        self._subscribed: set[str] = set()
        self.has_identifiers = False
        """Whether the connected broker supports subscription identifiers."""

    def begin(self, has_identifiers: bool) -> None:
        """A connection is open: no subscription has been rejected yet."""
        self.has_identifiers = has_identifiers
        self._rejected.clear()
        self._subscribed.clear()

    @property
    def reads_identifiers(self) -> bool:
        """Whether the identifiers of a received message matter."""
        return self.has_identifiers and bool(self._known)

    def answered(self, topic: str, *, is_rejected: bool) -> bool:
        """The broker has answered a subscription. Returns whether that changes the input."""
        has_changed = is_rejected != (topic in self._rejected)
        if is_rejected:
            self._rejected.add(topic)
        else:
            self._rejected.discard(topic)
        return has_changed

    def identifier(self, topic: str) -> int:
        """The identifier of a subscription; 0 if it needs none."""
        if not self.has_identifiers:
            return 0
        found = self._identifiers.get(topic)
        if found is None and self._is_partly_shared(topic):
            return zlib.crc32(topic.encode()) % LARGEST_IDENTIFIER + 1
        return found or 0

    def missing(self, commands: Iterable[Subscription]) -> Sequence[Subscription]:
        """Subscriptions that are necessary, and have not been subscribed to since :meth:`begin`.

        Those of the configuration, and those for ``commands`` whose topics no other includes.
        """
        own = self._subscriptions if self.has_identifiers else _merged(self._granted())
        others = [each for each in commands if not self._covers(each.topic)]
        found = [one for one in (*own, *others) if one.topic not in self._subscribed]
        self._subscribed |= {one.topic for one in found}
        return found

    def unsubscribe(self, topic: str) -> bool:
        """A topic is not necessary any more. Returns whether it was subscribed to."""
        was_subscribed = topic in self._subscribed
        self._subscribed.discard(topic)
        return was_subscribed

    def matching(self, topic: str) -> Sequence[tuple[Subscription, Sequence[str]]]:
        """The subscriptions that match a topic, and what their wildcards match.

        The one whose options apply is first.
        """
        found = [
            (one, parts)
            for one in self._granted()
            if (parts := wildcard_parts(without_share(one.topic), topic)) is not None
        ]
        return sorted(found, key=lambda each: precedence(each[0]))

    def is_for(self, topic: str, identifiers: Collection[int]) -> bool:
        """Whether a copy with these identifiers is delivered for a subscription."""
        own = self.identifier(topic)
        return not own or not identifiers or own in identifiers

    def is_known(self, identifiers: Collection[int]) -> bool:
        """Whether one of the identifiers belongs to a subscription of the configuration."""
        return any(each in self._known for each in identifiers)

    def _granted(self) -> Sequence[Subscription]:
        if not self._rejected:
            return self._subscriptions
        return [one for one in self._subscriptions if one.topic not in self._rejected]

    def _covers(self, topic: str) -> bool:
        """Whether a subscription receives all messages of a topic."""
        return any(
            not is_shared(one.topic) and wildcard_parts(one.topic, topic) is not None
            for one in self._granted()
        )

    def _is_partly_shared(self, topic: str) -> bool:
        return any(
            is_shared(one.topic) and wildcard_parts(without_share(one.topic), topic) is not None
            for one in self._subscriptions
        )


def _merged(subscriptions: Sequence[Subscription]) -> Sequence[Subscription]:
    """Without those whose topics another one includes; that one has the higher QoS of both."""
    merged: list[Subscription] = []
    for one in sorted(subscriptions, key=lambda each: precedence(each)[1], reverse=True):
        if not is_shared(one.topic):
            index = next(
                (i for i, each in enumerate(merged)
                 if not is_shared(each.topic) and covers(each.topic, one.topic)),
                None,
            )  # fmt: skip
            if index is not None:
                merged[index] = _widened(merged[index], one)
                continue
        merged.append(one)
    kept = {one.topic: one for one in merged}
    return [kept[one.topic] for one in subscriptions if one.topic in kept]


def _widened(broad: Subscription, narrow: Subscription) -> Subscription:
    retained = "take" if "take" in (broad.retained, narrow.retained) else "ignore"
    qos = max(broad.qos, narrow.qos)
    return broad.model_copy(update={"qos": qos, "retained": retained})
