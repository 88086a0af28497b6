"""The step ``json`` of a route: a JSON document in the first argument becomes messages.

A value, or a list of values, becomes one message with the address of the document. A
member of an object gets its name as a further part of the address, and an item of a list with
lists or objects its number, counted from 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.out import Out
from oscbridge.errors import EncodeError, MessageDropped
from oscbridge.osc import Message
from oscbridge.osc.pattern import is_pattern

__all__ = ["MAX_FROM_JSON", "JSONStep", "messages_of_document"]

MAX_FROM_JSON: Final = 1_000
"""Messages that may be made of one document."""

MAX_ARGUMENTS: Final = 16_384
"""Values of one list, which become the arguments of one message."""

MAX_DEPTH: Final = 16
"""Objects and lists inside of each other, below the chosen part."""

MAX_ADDRESS: Final = 1_000
"""Characters of an address with the names of a document."""

MAX_EXCERPT: Final = 80
"""Characters of a document that a problem shows."""

MAX_BINDINGS: Final = 64
"""Heads of messages for which the next steps are kept ready, for each address."""

_REASON: Final = "json"
_INDEX: Final = re.compile(r"[0-9]{1,9}")
_UNUSABLE: Final = re.compile(r"[\s#*,/?\[\]{}]|[^\x21-\x7e]")
"""Characters that a part of an address must not contain (OSC 1.0, "OSC Address Spaces")."""

JSONValue: TypeAlias = "str | int | float | bool | list[JSONValue] | dict[str, JSONValue] | None"
_Bind: TypeAlias = Callable[[str, str | None, Mapping[str, str]], Out]


class JSONStep:
    """Makes messages of those that a route takes, and counts the latter.

    ``part`` names what of a document is used, e.g. ``("data",)``. ``report`` is called with the
    reason and a line about a document that cannot be used.
    """

    def __init__(
        self, part: Sequence[str], counts: RouteCounts, report: Callable[[str, str], None]
    ) -> None:
        self._part = tuple(part)
        self._counts = counts
        self._report = report

    def bind(self, address: str, captures: Mapping[str, str], bind_next: _Bind) -> Out:
        """What to call with each message to this address; ``bind_next`` binds the next steps."""
        counts = self._counts
        if captures and is_pattern(address):
            return lambda _message: counts.filter("pattern")
        bound: dict[tuple[str, str | None], Out] = {}

        def run(message: Message) -> None:
            try:
                made = messages_of_document(message, self._part)
            except MessageDropped as error:
                counts.fail(error.reason)
                self._report(error.reason, f"json: {error}")
                return
            if not made:
                counts.filter(_REASON)
                return
            counts.passed += 1
            for each in made:
                head = each.address, each.types
                take = bound.get(head)
                if take is None:
                    if len(bound) >= MAX_BINDINGS:
                        bound.clear()
                    take = bound[head] = bind_next(*head, captures)
                take(each)

        return run


def messages_of_document(message: Message, part: Sequence[str]) -> list[Message]:
    """The messages of the JSON in the first argument of a message, or of a part of it.

    Raises :class:`oscbridge.MessageDropped` with the reason ``json``.
    """
    text = message.args[0] if message.args else None
    if not isinstance(text, str | bytes):
        raise MessageDropped(_REASON, "the first argument is not a text")
    value = _part_of(_parsed(text), part, text)
    made: list[Message] = []
    for address, values in _leaves(message.address, value, MAX_DEPTH):
        if len(made) >= MAX_FROM_JSON:
            text = f"the document has more than {MAX_FROM_JSON} values"
            raise MessageDropped(_REASON, text)
        try:
            new = Message.of(address, *values)
        except (EncodeError, TypeError, ValueError) as error:
            raise MessageDropped(_REASON, f"{address}: {error}") from None
        made.append(new._replace(timetag=message.timetag, origin=message.origin))
    return made


def _parsed(text: str | bytes) -> JSONValue:
    import orjson  # not for routes without this step

    try:
        value: JSONValue = orjson.loads(text)
    except ValueError as error:  # also too deep, or not Unicode
        raise MessageDropped(_REASON, f"not valid JSON: {error}: {_excerpt(text)}") from None
    return value


def _part_of(value: JSONValue, part: Sequence[str], text: str | bytes) -> JSONValue:
    for number, name in enumerate(part, 1):
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            missing = ".".join(part[:number])
            raise MessageDropped(_REASON, f"the document has no {missing!r}: {_excerpt(text)}")
    return value


def _leaves(
    address: str, value: JSONValue, depth: int
) -> Iterator[tuple[str, Sequence[str | int | float | bool | None]]]:
    """The addresses and the arguments of the messages."""
    if len(address) > MAX_ADDRESS:
        raise MessageDropped(_REASON, f"an address has more than {MAX_ADDRESS} characters")
    if not isinstance(value, dict | list):
        yield address, (value,)
        return
    if not depth:
        raise MessageDropped(_REASON, f"more than {MAX_DEPTH} levels inside of each other")
    if isinstance(value, list):
        if len(value) > MAX_ARGUMENTS:
            raise MessageDropped(_REASON, f"a list has more than {MAX_ARGUMENTS} values")
        plain = [each for each in value if not isinstance(each, dict | list)]
        if len(plain) == len(value):
            yield address, plain
            return
        value = {str(number): each for number, each in enumerate(value)}
    for name, each in value.items():
        yield from _leaves(f"{address}/{_UNUSABLE.sub('_', name) or '_'}", each, depth - 1)


def _excerpt(text: str | bytes) -> str:
    shown = text if isinstance(text, str) else text.decode(errors="replace")
    return shown if len(shown) <= MAX_EXCERPT else f"{shown[: MAX_EXCERPT - 1]}…"
