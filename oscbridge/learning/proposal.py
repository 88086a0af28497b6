"""The route that connects two controls. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from oscbridge.learning.ends import RouteEnd
from oscbridge.learning.ranges import ValueLimits
from oscbridge.learning.relative import step_expression
from oscbridge.toml_text import TomlTable, TomlValue, toml_table, toml_texts, toml_value

__all__ = ["Proposal", "ProposedTable", "propose"]

STEPS: Final = 100
"""Steps of an encoder from one end of a range to the other, where the values are not whole."""

MAX_NAME: Final = 60

_MODES: Final = {
    "twos_complement": "as two's complement (1 is up, 127 is down)",
    "signed_bit": "with a sign bit (1 is up, 65 is down)",
    "offset_64": "around 64 (65 is up, 63 is down)",
}


class ProposedTable(NamedTuple):
    """A table to add, or keys to set in one that exists; the values are written as in TOML."""

    path: Sequence[str]
    """``("route",)``, ``("variables",)``, or ``("endpoint", NAME)``, which exists."""
    keys: Mapping[str, str]


@dataclass(frozen=True)
class Proposal:
    """The additions to the configuration, and why."""

    name: str
    routes: Sequence[TomlTable]
    """The tables ``[[route]]``, in order."""
    variables: Mapping[str, TomlValue] = field(default_factory=dict)
    """New entries of ``[variables]``."""
    options: Mapping[str, TomlTable] = field(default_factory=dict)
    """Options to set in endpoints, by name."""
    notes: Sequence[str] = ()
    """What it is based on, human-readable."""

    @property
    def tables(self) -> Sequence[ProposedTable]:
        """The changes, in order."""
        found: list[tuple[Sequence[str], TomlTable]] = [
            (("endpoint", name), keys) for name, keys in self.options.items()
        ]
        if self.variables:
            found.append((("variables",), self.variables))
        found += [(("route",), route) for route in self.routes]
        return [ProposedTable(path, toml_texts(table)) for path, table in found]

    @property
    def toml(self) -> str:
        """The same as text."""
        tables = [toml_table(f"[endpoint.{name}]", keys) for name, keys in self.options.items()]
        parts = [f"# set in {table}" for table in tables]
        if self.variables:
            parts.append(toml_table("[variables]", self.variables))
        parts += [toml_table("[[route]]", route) for route in self.routes]
        return "\n\n".join(part.replace("\n", "\n# ") if part[0] == "#" else part for part in parts)


def propose(
    source: RouteEnd,
    target: RouteEnd,
    *,
    both: bool = False,
    name: str = "",
    taken: Collection[str] = (),
) -> Proposal:
    """The route from a control to a target; with ``both`` also the way back.

    ``taken`` are the names that routes and variables have already.
    """
    name = _free(name or f"{source.name}_to_{target.name}", taken)
    notes = list(_notes(source, target))
    if source.mode is not None:
        return _of_encoder(source, target, name, taken, notes, both=both)
    routes: list[TomlTable] = [_route(source, target, name, once=both)]
    if both and target.mode is not None:
        back = _of_encoder(target, source, _free(f"{name}_back", taken), taken, notes, both=False)
        follow = {**routes[0], "set": dict.fromkeys(back.variables, source.variable)}
        return replace(back, name=name, routes=[_in_order(follow), *back.routes])
    if both:
        routes.append(_route(target, source, _free(f"{name}_back", taken), once=True))
        notes.append("Only changed values pass, so that the two do not answer each other.")
    options = {end.part: end.options for end in (source, target) if end.options}
    return Proposal(name, routes, {}, options, notes)


def _in_order(route: TomlTable) -> TomlTable:
    """A route with its keys in the order of the steps."""
    order = ("from", "name", "match", "when", "set", "scale", "send", "on_change", "to")
    return {key: route[key] for key in order if key in route}


def _route(source: RouteEnd, target: RouteEnd, name: str, *, once: bool) -> TomlTable:
    keys: dict[str, TomlValue] = {"from": source.part, "name": name, "match": source.match}
    if source.condition:
        keys["when"] = source.condition
    scale = _scale(source, target)
    if scale is not None:
        keys["scale"] = scale
    send = target.message(_value(source, target))
    is_plain = send == f"{source.control.address} {{0}}" and len(source.types) <= 1
    if not is_plain:
        keys["send"] = send
    if once:
        keys["on_change"] = True
    keys["to"] = target.part
    return keys


def _scale(source: RouteEnd, target: RouteEnd) -> list[TomlValue] | None:
    """The ``scale`` from the range of one to that of the other; None if it needs none."""
    here, there = source.limits, target.limits
    if here is None or there is None or source.is_bool or target.is_bool:
        return None
    if here[:2] == there[:2] and here.is_whole == there.is_whole:
        return None
    ends = [*_limits(here), *_limits(there)]
    return ends


def _limits(limits: ValueLimits) -> list[TomlValue]:
    """The two limits as they are written: whole numbers give whole numbers."""
    if limits.is_whole:
        return [int(limits.low), int(limits.high)]
    return [float(limits.low), float(limits.high)]


def _value(source: RouteEnd, target: RouteEnd) -> str:
    """The template of the value that is sent to the target."""
    low, high = _ends(target)
    variable = source.variable
    if not source.has_value:  # a button without values
        return high
    if target.is_bool:
        middle = 0 if source.limits is None else (source.limits.low + source.limits.high) / 2
        return f"{{{source.index}}}" if source.is_bool else f"{{= {variable} > {middle:g}}}"
    if source.is_bool and target.is_number:
        return f"{{= {high} if {variable} else {low}}}"
    if source.release:
        return f"{{= {variable} if address != '{source.release}' else {low}}}"
    return f"{{{source.index}}}"


def _ends(target: RouteEnd) -> tuple[str, str]:
    """The lowest and the highest value of a target, as text."""
    if target.limits is None:
        return ("false", "true") if target.is_bool else ("0", "1")
    low, high = _limits(target.limits)
    return toml_value(low), toml_value(high)


def _of_encoder(
    source: RouteEnd,
    target: RouteEnd,
    name: str,
    taken: Collection[str],
    notes: list[str],
    *,
    both: bool,
) -> Proposal:
    """The route of an encoder: its steps change a variable, which is sent."""
    assert source.mode is not None
    limits = target.limits or ValueLimits(0.0, 1.0, False, "assumed")
    low, high = (toml_value(each) for each in _limits(limits))
    variable = _free(_identifier(f"{target.name}_value"), taken)
    size = (limits.high - limits.low) / STEPS
    size = max(1, round(size)) if limits.is_whole else size
    step = step_expression(source.mode, source.variable)
    change = step if size == 1 else f"{step} * {size:g}"
    keys: dict[str, TomlValue] = {"from": source.part, "name": name, "match": source.match}
    if source.condition:
        keys["when"] = source.condition
    keys["set"] = {variable: f"clamp(var.{variable} + {change}, {low}, {high})"}
    kind = " : i" if limits.is_whole else ""
    keys["send"] = target.message(f"{{= var.{variable}{kind}}}")
    keys["to"] = target.part
    routes: list[TomlTable] = [keys]
    notes.append(f"The encoder sends steps {_MODES[source.mode]}: a variable keeps the position.")
    if both:
        back: dict[str, TomlValue] = {"from": target.part, "name": _free(f"{name}_back", taken)}
        back["match"] = target.match
        if target.condition:
            back["when"] = target.condition
        back["set"] = {variable: target.variable}
        routes.append(back)
        notes.append("The way back sets the variable, so that the encoder continues from there.")
    return Proposal(name, routes, {variable: float(limits.low)}, {}, notes)


def _notes(source: RouteEnd, target: RouteEnd) -> Sequence[str]:
    found = []
    if source.limits is not None and source.mode is None:
        found.append(f"Range of {source.text} of {source.part}: {source.limits.text}.")
    if target.limits is not None:
        found.append(f"Range of {target.text} of {target.part}: {target.limits.text}.")
    for end in (source, target):
        if end.options:
            keys = ", ".join(f"{key} = {toml_value(each)}" for key, each in end.options.items())
            found.append(f"{end.part} needs {keys} for {end.title}: it sends two halves.")
    return found


def _identifier(text: str) -> str:
    """A name that variables can have."""
    plain = "".join(each if each.isalnum() and each.isascii() else "_" for each in text)
    return plain if plain[:1].isalpha() else f"v_{plain}"


def _free(name: str, taken: Collection[str]) -> str:
    """The name, or it with the first free number."""
    name = name[:MAX_NAME]
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
