"""Topics: validation, templates, and conversion to OSC addresses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import oscbridge

__all__ = [
    "MAX_TOPIC",
    "SHOWN",
    "address_of",
    "check_filter",
    "check_published",
    "check_topic",
    "text_template",
    "wildcard_parts",
    "without_share",
]

MAX_TOPIC: Final = 65_535
"""Most bytes of a topic in UTF-8 (MQTT 5.0, section 1.5.4)."""

SHOWN: Final = 100
"""Most characters of a topic in an error."""

# Section 1.5.4: a receiver may close the connection at control characters and noncharacters.
# Mosquitto does: one such topic would break every connection that publishes it.
_INVALID: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17))
    + "\ud800-\udfff]"
)

_NOT_IN_ADDRESS: Final = re.compile(r"[\s#*,?\[\]{}\x00-\x1f\x7f]")
"""Characters that OSC 1.0 excludes from addresses or reserves for patterns."""


def text_template(text: str, *, expressions: bool = False) -> oscbridge.Template:
    """Text with placeholders: ``studio/mixer/{ch}``. All other braces are literal.

    With ``expressions`` a placeholder may be one, e.g. ``{= x * 100 : i}``.
    """
    return oscbridge.Template.parse(text, literal_braces=True, expressions=expressions)


def check_topic(topic: str) -> str:
    """Check a topic for publishing, and return it. Raises ``ValueError`` with the reason."""
    if not topic:
        raise ValueError("a topic must have at least one character")
    _check_text(topic, "topic")
    found = next((character for character in "+#" if character in topic), None)
    if found is not None:
        raise ValueError(f"a topic for publishing must not contain {found!r}")
    if topic.startswith("$share/"):
        raise ValueError("$share/ is for subscriptions only")
    return topic


def check_published(topic: str, configured: str, max_levels: int) -> str:
    """Check the topic of a message before it is sent, and return it.

    ``configured`` is the text of the configuration that the topic was made from: a first level
    with ``$`` must be written there. Brokers end the connection at topics that clients must not
    publish, e.g. ``$share/...``, and at more levels than they support: Mosquitto at over 200.
    Raises ``ValueError`` with the reason.
    """
    check_topic(topic)
    levels = topic.count("/") + 1
    if levels > max_levels:
        raise ValueError(
            f"a topic must have at most max_topic_levels = {max_levels} levels, got {levels}"
        )
    if topic[0] == "$" and topic.split("/", 1)[0] != configured.split("/", 1)[0]:
        raise ValueError(
            f"a message must not choose the topic {topic[:SHOWN]!r}: "
            "write the level with '$' in topic or prefix"
        )
    return topic


def check_filter(text: str) -> str:
    """Check a topic filter, and return it. Raises ``ValueError`` with the reason."""
    if text.startswith("$share/"):
        _, _, rest = text.partition("/")
        group, _, rest = rest.partition("/")
        if not group or not rest or "+" in group or "#" in group:
            raise ValueError("expected $share/group/topic for a shared subscription")
    topic = without_share(text)
    if not topic:
        raise ValueError("a topic must have at least one character")
    _check_text(text, "topic")
    levels = topic.split("/")
    if any(("+" in level or "#" in level) and len(level) > 1 for level in levels):
        raise ValueError("+ and # must be whole levels: a/+/b, a/#")
    if "#" in levels[:-1]:
        raise ValueError("# must be the last level")
    return text


def _check_text(text: str, what: str) -> None:
    found = _INVALID.search(text)
    if found:
        raise ValueError(f"a {what} must not contain {found[0]!r}")
    size = len(text.encode())
    if size > MAX_TOPIC:
        raise ValueError(f"a {what} must have at most {MAX_TOPIC} bytes, got {size}")


def without_share(text: str) -> str:
    """A topic filter without ``$share/group/``."""
    return text.split("/", 2)[2] if text.startswith("$share/") and text.count("/") > 1 else text


def wildcard_parts(text: str, topic: str) -> Sequence[str] | None:
    """The parts of a topic that the wildcards of a filter match; None if it does not match.

    ``#`` is one part, also for several levels or none.
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
    """Convert a topic to an OSC address.

    The prefix and empty levels are removed. Characters that are invalid in an address, e.g.
    spaces, become ``_``.
    """
    if prefix and topic.startswith(f"{prefix}/"):
        topic = topic[len(prefix) + 1 :]
    return "/" + "/".join(_NOT_IN_ADDRESS.sub("_", level) for level in topic.split("/") if level)
