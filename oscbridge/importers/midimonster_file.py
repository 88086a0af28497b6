"""Reads configurations of midimonster (``.cfg``): sections, options and mappings. Pure."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from oscbridge.errors import InputError

__all__ = ["Instance", "Mapping", "MonsterFile", "expand", "read_file"]

MAX_CHANNELS: Final = 1_000
"""Channels of one mapping, after its ranges are expanded."""

_MAPPING: Final = re.compile(r"(?P<left>\S.*?)\s*(?P<arrow><>|>|<)\s*(?P<right>\S.*)")
_RANGE: Final = re.compile(r"(-?\d{1,6})\.\.(-?\d{1,6})")
_SEVERAL: Final = re.compile(r"\{(-?\d{1,6}\.\.-?\d{1,6}|[^{}]*,[^{}]*)\}")


@dataclass
class Instance:
    """One ``[BACKEND NAME]``."""

    backend: str
    name: str
    line: int
    options: dict[str, str] = field(default_factory=dict)
    channels: list[tuple[str, str]] = field(default_factory=list)
    """Options whose name is a channel, e.g. ``/fader1 = f 0.0 1.0``."""


class Mapping(NamedTuple):
    """One line below ``[map]``."""

    line: int
    text: str
    left: str
    arrow: str
    """``>``, ``<`` or ``<>``; empty if the line is not a mapping."""
    right: str


@dataclass
class MonsterFile:
    """A configuration."""

    instances: dict[str, Instance] = field(default_factory=dict)
    backends: dict[str, Instance] = field(default_factory=dict)
    """Options for all instances of a backend; a repeated one has a number: ``bind``, ``bind1``."""
    mappings: list[Mapping] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def options_of(self, instance: Instance) -> dict[str, str]:
        """The options for all instances of its backend."""
        found = self.backends.get(instance.backend)
        return {} if found is None else found.options


def read_file(text: str) -> MonsterFile:
    """Read a configuration. Raises :class:`InputError`."""
    found = MonsterFile()
    instance: Instance | None = None
    in_map = False
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in ";#":
            continue
        if line.startswith("[include ") and line.endswith("]"):  # the section goes on after it
            found.notes.append(f"line {number}: {line}: put its lines here, and import again")
        elif line.startswith("["):
            instance = _section(line, number, found)
            in_map = line == "[map]"
        elif in_map:
            found.mappings.append(_mapping(line, number))
        else:
            _option(line, number, instance)
    if not (found.instances or found.mappings or found.notes):
        raise InputError(0, "no instances and no [map]; is it of midimonster?")
    return found


def _section(line: str, number: int, found: MonsterFile) -> Instance | None:
    words = line.strip("[]").split()
    if not line.endswith("]") or not 1 <= len(words) <= 2:
        raise InputError(number, f"expected [BACKEND NAME] or [map], got {line!r}")
    if len(words) == 1:
        if words != ["map"]:
            raise InputError(number, f"expected [BACKEND NAME] or [map], got {line!r}")
        return None
    backend, name = words
    if backend == "backend":  # of all its instances: names of clients, networks
        return found.backends.setdefault(name, Instance(backend, name, number))
    if name in found.instances:
        raise InputError(number, f"duplicate instance {name!r}")
    return found.instances.setdefault(name, Instance(backend, name, number))


def _option(line: str, number: int, instance: Instance | None) -> None:
    key, equals, value = (each.strip() for each in line.partition("="))
    if not equals or instance is None:
        raise InputError(number, f"expected 'option = value' in a section, got {line!r}")
    if key.startswith("/") or (" " in value and value.split()[0] in ("range", "discrete")):
        instance.channels.append((key, value))
    else:
        count = sum(each.rstrip("0123456789") == key for each in instance.options)
        is_repeated = count and instance.backend == "backend"
        instance.options[f"{key}{count}" if is_repeated else key] = value


def _mapping(line: str, number: int) -> Mapping:
    found = _MAPPING.fullmatch(line)
    if found is None:
        return Mapping(number, line, "", "", "")
    return Mapping(number, line, found["left"], found["arrow"], found["right"])


def expand(text: str) -> list[str]:
    """The channels of a specification with ``fader{1..8}`` or ``fader{1,3}``; ``ValueError``."""
    pieces = _SEVERAL.split(text)
    fixed, ranges = pieces[::2], [_each(several) for several in pieces[1::2]]
    count = 1
    for each in ranges:
        count *= len(each)
    if count > MAX_CHANNELS:
        raise ValueError(f"more than {MAX_CHANNELS} channels")
    return [
        "".join(itertools.chain(*zip(fixed, (*numbers, ""), strict=True)))
        for numbers in itertools.product(*ranges)
    ]


def _each(several: str) -> list[str]:
    """What a range or a list stands for."""
    between = _RANGE.fullmatch(several)
    if between is None:
        return several.split(",")
    first, last = int(between[1]), int(between[2])
    step = 1 if first <= last else -1
    if abs(last - first) >= MAX_CHANNELS:
        raise ValueError(f"the range {first}..{last} has more than {MAX_CHANNELS} channels")
    return [str(number) for number in range(first, last + step, step)]
