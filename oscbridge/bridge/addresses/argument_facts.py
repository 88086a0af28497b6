"""Type tags and ranges before and after a route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from oscbridge.address_space.info import AddressInfo, ValueRange
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.scale import Scale
from oscbridge.errors import MessageDropped
from oscbridge.osc.arguments import split_types
from oscbridge.osc.type_tags import NUMBER_TAGS
from oscbridge.templates.message import MessageTemplate
from oscbridge.templates.placeholders import Placeholder

__all__ = ["ArgumentFacts"]


_DOCUMENT: Final = "s"
"""The type tags of a message with JSON."""


class ArgumentFacts:
    """What a route says about the arguments of its messages, and makes of known ones."""

    def __init__(self, config: RouteConfig, template: MessageTemplate | None) -> None:
        self._types = config.types
        """What its messages must have; with ``json`` those that are made of a document."""
        self._has_document = config.json is not None
        self._template = template
        self._kept = _kept_by(template)
        self._depends_on_arguments = template is not None and any(
            each.depends_on_arguments for each in template.placeholders
        )
        self._is_in_order = self._kept is not None and self._kept == list(range(len(self._kept)))
        """Whether ``send`` has the first arguments, as they are or converted."""
        self._hands_on = self._is_in_order and all(
            token == Placeholder(str(index))
            for index, token in enumerate(() if template is None else template.arguments)
        )
        """Whether they are as they are."""
        self._scale: Scale | None = None
        self._range_in: ValueRange | None = None
        self._range_out: ValueRange | None = None
        if config.scale is not None:
            self._scale = Scale(*config.scale, config.curve)
            self._range_in = _range(*config.scale[:2])
            self._range_out = _range(*config.scale[2:])

    @property
    def change_anything(self) -> bool:
        """Whether facts before and after the route may differ."""
        is_changing = self._scale is not None or self._template is not None
        return self._types is not None or self._has_document or is_changing

    # --- what the route itself says ----------------------------------------------------------

    def incoming(self, address: str) -> AddressInfo:
        """What a message with this address must be to pass."""
        if self._has_document:
            return AddressInfo(address, _DOCUMENT, origin="configuration")
        return AddressInfo(
            address,
            self._types or "",
            self._scaled_ranges(self._types or "", self._range_in),
            origin="configuration",
        )

    def outgoing(self, address: str) -> AddressInfo:
        """What it sends to this address."""
        types = self._types or ""
        ranges = self._scaled_ranges(types, self._range_out)
        if self._scale is not None:
            types = self._scale.bind(types)[0]
            if self._types is None and self._scale.is_whole:
                types = "i"
        info = AddressInfo(address, types, ranges, origin="configuration")
        if self._template is None:
            return info
        if self._types is None and not self._scale and self._depends_on_arguments:
            return replace(info, types="", ranges=())
        return self._sent(info, address, {}) or AddressInfo(address, origin="configuration")

    # --- what it makes of known ones ---------------------------------------------------------

    def forward(
        self, info: AddressInfo, address: str, captures: Mapping[str, str]
    ) -> AddressInfo | None:
        """The facts after the route, at another address; None if nothing passes."""
        before = info.address
        if self._has_document:
            if info.types not in ("", _DOCUMENT):
                return None
            info = _without_values(info)
        if self._types is not None and info.types not in ("", self._types):
            return None
        if self._types is not None and info.types != self._types:
            info = replace(info, types=self._types)
        if self._scale is not None:
            ranges = self._scaled_ranges(info.types, self._range_out, info.ranges)
            types = self._scale.bind(info.types)[0]
            info = replace(
                info, types=types, ranges=ranges, unit="", curve="", clip_modes=(), overloads=()
            )
        if self._template is not None:
            sent = self._sent(info, before, captures)
            if sent is None:
                return None
            info = sent
        return info if info.address == address else replace(info, address=address)

    def backward(self, info: AddressInfo, address: str) -> AddressInfo | None:
        """The facts before the route of what becomes a known address; None if nothing passes."""
        if self._has_document:
            return replace(_without_values(info), address=address, types=_DOCUMENT)
        types, ranges = info.types, info.ranges
        is_same = self._scale is None and (
            self._kept is None or (self._is_in_order and len(self._kept) == _count(types))
        )
        if not is_same:
            types, ranges = "", ()
        if self._types is not None:
            if self._types != types:
                ranges = ()
            types = self._types
        if self._scale is not None:
            ranges = self._scaled_ranges(types, self._range_in)
        if types == info.types and ranges == info.ranges and address == info.address and is_same:
            return info
        info = replace(info, address=address, types=types, ranges=ranges)
        if is_same:
            return info
        return replace(info, unit="", curve="", clip_modes=(), extended_types=(), overloads=())

    # --- parts -------------------------------------------------------------------------------

    def _scaled_ranges(
        self,
        types: str,
        scaled: ValueRange | None,
        others: Sequence[ValueRange | None] = (),
    ) -> tuple[ValueRange | None, ...]:
        """Ranges where all numbers have the same one."""
        if scaled is None:
            return ()
        tags = split_types(types)
        if not tags:
            return (scaled,)
        others = others if len(others) == len(tags) else [None] * len(tags)
        found = [scaled if tag in NUMBER_TAGS else o for tag, o in zip(tags, others, strict=True)]
        return tuple(found) if any(found) else ()

    def _sent(
        self, info: AddressInfo, address: str, captures: Mapping[str, str]
    ) -> AddressInfo | None:
        """What ``send`` makes of facts; None if it cannot send such a message."""
        kept = self._kept
        if self._template is None or kept is None:
            return info
        if self._hands_on and len(kept) == _count(info.types):
            return info
        bare = _without_values(info)
        if self._template.expressions:
            return bare
        try:
            types = self._template.bind(address, info.types, captures).types
        except MessageDropped:
            return None if info.types else bare
        known = _count(info.types) == len(info.ranges)
        if not known or _count(types) != len(kept):
            return replace(bare, types=types)
        ranges = tuple(None if index is None else info.ranges[index] for index in kept)
        unit = info.unit if len(kept) == 1 and ranges[0] is not None else ""
        return replace(bare, types=types, ranges=ranges if any(ranges) else (), unit=unit)


def _without_values(info: AddressInfo) -> AddressInfo:
    """Further facts besides the arguments."""
    return replace(
        info, types="", ranges=(), unit="", curve="", clip_modes=(), extended_types=(), overloads=()
    )


def _kept_by(template: MessageTemplate | None) -> list[int | None] | None:
    """For each argument of ``send`` the index of the original one; None for ``{*}``."""
    if template is None or template.arguments == (Placeholder("*"),):
        return None
    return [
        int(token.name)
        if isinstance(token, Placeholder) and token.is_argument and token.type != "s"
        else None
        for token in template.arguments
    ]


def _count(types: str) -> int:
    """The number of arguments with these type tags."""
    return len(split_types(types)) if "[" in types else len(types)


def _range(one: float, other: float) -> ValueRange:
    return ValueRange(min(one, other), max(one, other))
