"""What a route is called where people read it, and by what it is known to programs."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Final

from oscbridge.bridge.routes.config import RouteConfig

__all__ = ["route_ids", "route_text"]

MAX_MATCH: Final = 40
"""Characters of a match that stand for a route without a name."""

HASH_SIZE: Final = 8
"""Hexadecimal digits of the ID of a route without a name."""

_NO_CONTENT: Final = ("name", "enabled", "max_addresses", "address", "options", "expressions")
"""Fields that are not the content of a route, or follow from others; options are added."""


def route_text(number: int, name: str, match: str) -> str:
    """``route faders``, or ``route 3 (/1/fader{n})`` without a name."""
    if name:
        return f"route {name}"
    shown = match if len(match) <= MAX_MATCH else f"{match[: MAX_MATCH - 1]}…"
    return f"route {number} ({shown})"


def route_ids(configs: Iterable[RouteConfig]) -> Iterator[str]:
    """The ID of each route: its name, or ``#`` and a hash of its content.

    It does not depend on the position in the file, so that the series of a metric remains that
    of the same route. Of several routes with the same content, the second is ``#1b2c3d4e-2``.
    """
    seen: Counter[str] = Counter()
    for config in configs:
        if config.name:
            yield config.name
            continue
        found = f"#{_hash_of(config)}"
        seen[found] += 1
        yield found if seen[found] == 1 else f"{found}-{seen[found]}"


def _hash_of(config: RouteConfig) -> str:
    # Only what differs from the default, so that a new key changes no hash.
    content: dict[str, object] = {
        field.name: value
        for field in fields(config)
        if field.name not in _NO_CONTENT and (value := getattr(config, field.name)) != field.default
    }
    for name, options in config.options.items():
        content[f"options.{name}"] = repr(options)
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_SIZE]
