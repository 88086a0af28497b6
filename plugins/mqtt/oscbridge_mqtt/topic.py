"""Topics: which are legal, how they are made, and what address they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

__all__ = [
    "MAX_TOPIC",
    "TextTemplate",
    "address_of",
    "check_filter",
    "check_topic",
    "wildcard_parts",
    "without_share",
]

MAX_TOPIC: Final = 65_535
"""Bytes of a topic in UTF-8 (MQTT 5.0, section 1.5.4)."""

_FIELD: Final = re.compile(r"\{(\*|[0-9]+|[A-Za-z_][A-Za-z0-9_]*)\}")

# Section 1.5.4: a receiver may close the connection at control characters and noncharacters.
# Mosquitto does, and one such topic would break every connection it is sent on.
_REFUSED: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17))
    + "\ud800-\udfff]"
)

_NO_ADDRESS: Final = re.compile(r"[\s#*,?\[\]{}\x00-\x1f\x7f]")
"""What OSC 1.0 keeps out of addresses, and what a receiver would take for a pattern."""


class TextTemplate:
    """Text with placeholders: ``studio/mixer/{ch}``. Any other brace is itself."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts = _FIELD.split(text)  # text and names, by turns

    @property
    def names(self) -> Sequence[str]:
        """What stands in the braces."""
        return self._parts[1::2]

    def fill(self, look_up: Callable[[str], str]) -> str:
        """The text, with what ``look_up`` says about each name. Raises what it raises."""
        parts = self._parts
        return "".join(look_up(part) if index & 1 else part for index, part in enumerate(parts))


def check_topic(topic: str) -> str:
    """A topic that may be published to. Raises ``ValueError`` that says why it may not."""
    if not topic:
        raise ValueError("a topic needs at least one character")
    _check_text(topic, "topic")
    found = next((character for character in "+#" if character in topic), None)
    if found is not None:
        raise ValueError(f"a topic to publish to cannot have {found!r} in it")
    return topic


def check_filter(text: str) -> str:
    """A topic filter. Raises ``ValueError`` that says what is wrong with it."""
    if text.startswith("$share/"):
        _, _, rest = text.partition("/")
        group, _, rest = rest.partition("/")
        if not group or not rest or "+" in group or "#" in group:
            raise ValueError("write a shared subscription as $share/group/topic")
    topic = without_share(text)
    if not topic:
        raise ValueError("a topic needs at least one character")
    _check_text(text, "topic")
    levels = topic.split("/")
    if any(("+" in level or "#" in level) and len(level) > 1 for level in levels):
        raise ValueError("+ and # stand for a whole level: a/+/b, a/#")
    if "#" in levels[:-1]:
        raise ValueError("# stands at the end")
    return text


def _check_text(text: str, what: str) -> None:
    found = _REFUSED.search(text)
    if found:
        raise ValueError(f"a {what} cannot have {found[0]!r} in it")
    size = len(text.encode())
    if size > MAX_TOPIC:
        raise ValueError(f"a {what} of {size} bytes; at most {MAX_TOPIC} are allowed")


def without_share(text: str) -> str:
    """A topic filter without ``$share/group/``."""
    return text.split("/", 2)[2] if text.startswith("$share/") and text.count("/") > 1 else text


def wildcard_parts(text: str, topic: str) -> Sequence[str] | None:
    """What the wildcards of a topic filter stand for in a topic, or None if it does not match.

    ``#`` is one part, also of several levels or none.
    """
    found: list[str] = []
    levels = topic.split("/")
    if topic.startswith("$") and not text.startswith("$"):
        return None  # section 4.7.2: wildcards at the front do not match $SYS
    wanted = text.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return [*found, "/".join(levels[index:])]
        if index >= len(levels) or level not in ("+", levels[index]):
            return None
        if level == "+":
            found.append(levels[index])
    return found if len(levels) == len(wanted) else None


def address_of(topic: str, prefix: str = "") -> str:
    """The OSC address that a topic stands for.

    The prefix is left out where the topic has it, and so are empty levels. What an address
    cannot hold, as blanks, becomes ``_``.
    """
    if prefix and topic.startswith(f"{prefix}/"):
        topic = topic[len(prefix) + 1 :]
    return "/" + "/".join(_NO_ADDRESS.sub("_", level) for level in topic.split("/") if level)
