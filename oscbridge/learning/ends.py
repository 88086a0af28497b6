"""The two ends of a learned route: the control that was moved, and the target. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from oscbridge.contract.control_facts import ControlId
from oscbridge.learning.activity import control_text
from oscbridge.learning.ranges import ValueLimits
from oscbridge.learning.relative import RelativeMode
from oscbridge.osc import Argument, Message, infer
from oscbridge.osc.text import format_value
from oscbridge.osc.type_tags import NUMBER_TAGS
from oscbridge.toml_text import TomlValue

__all__ = ["RouteEnd"]

_ARGUMENTS: Final = ("x", "y", "z")
_WORD: Final = re.compile(r"[A-Za-z0-9]+")
MAX_NAME: Final = 24
"""Characters of the name of an end."""


@dataclass(frozen=True)
class RouteEnd:
    """A control, as the source or the target of a route."""

    part: str
    control: ControlId
    types: str = ""
    """Type tags of its values, after the leading arguments; "" if it has none."""
    args: tuple[Argument, ...] = ()
    """Its last values."""
    argument: int = 0
    """The value that the route is about, among these."""
    tag: str = ""
    """Its type tag; "" if there is none or it is not known."""
    limits: ValueLimits | None = None
    """The range of that value; None if it is not a number."""
    title: str = ""
    release: str = ""
    mode: RelativeMode | None = None
    options: Mapping[str, TomlValue] = field(default_factory=dict)
    """Options that its endpoint needs."""

    @property
    def text(self) -> str:
        """What identifies it, as it is written: ``/control 1 7``."""
        return control_text(self.control)

    @property
    def name(self) -> str:
        """A short name, from its title or the end of its address."""
        address = self.control.address
        leaf = address.rpartition("/")[2]
        tells = any(each.isdigit() for each in leaf) and any(each.isalpha() for each in leaf)
        text = self.title.partition(",")[0] or (leaf if tells else address)
        words = _WORD.findall(text)
        return "_".join(words)[-MAX_NAME:].strip("_").lower() or "control"

    @property
    def is_bool(self) -> bool:
        """Whether its value is true or false."""
        return self.tag in ("T", "F")

    @property
    def is_number(self) -> bool:
        """Whether its value is a number."""
        return self.limits is not None and (not self.tag or self.tag in NUMBER_TAGS)

    @property
    def has_value(self) -> bool:
        """Whether its messages have a value."""
        return bool(self.types) or self.limits is not None

    @property
    def index(self) -> int:
        """The place of its value among all arguments."""
        return len(self.control.leading) + self.argument

    @property
    def variable(self) -> str:
        """The name of its value in expressions."""
        return _ARGUMENTS[self.index] if self.index < len(_ARGUMENTS) else f"args[{self.index}]"

    @property
    def condition(self) -> str:
        """The expression that is true for its messages; "" if its address says enough."""
        return " and ".join(
            f"{_ARGUMENTS[index] if index < len(_ARGUMENTS) else f'args[{index}]'} == {value!r}"
            for index, value in enumerate(self.control.leading)
        )

    @property
    def match(self) -> str:
        """The match of a route for its messages."""
        address = self.control.address
        if not self.release:
            return address
        first, _, rest = address[1:].partition("/")
        ends = self.release[1:].partition("/")[0]
        return f"/{{{first},{ends}}}" + (f"/{rest}" if rest else "")

    def test_message(self, share: float) -> Message:
        """A message to it, with a value between its lowest (0) and its highest (1) one."""
        leading = self.control.leading
        if not self.has_value:
            return Message.of(self.control.address, *leading)
        values: list[Argument] = list(self.args) or [0]
        while len(values) <= self.argument:
            values.append(0)
        if self.is_bool:
            values[self.argument] = share >= 0.5
        elif self.limits is not None:
            low, high, is_whole, _ = self.limits
            value = low + (high - low) * min(max(share, 0.0), 1.0)
            values[self.argument] = round(value) if is_whole else float(value)
        args = (*leading, *values)
        return Message(self.control.address, infer(args), args)

    def message(self, value: str) -> str:
        """The template of a message to it, with ``value`` in place of its value."""
        words = [self.text]
        if self.has_value:
            others = list(map(format_value, self.args))
            count = max(len(others), self.argument + 1)
            others += ["0"] * (count - len(others))
            others[self.argument] = value
            words += others
        return " ".join(words)
