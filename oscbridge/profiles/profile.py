"""A device profile: a file as addresses and as what the device needs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic_core import core_schema

from oscbridge.address_space import Access, AddressBook, AddressInfo, ValueRange
from oscbridge.bridge.config.error_messages import validate
from oscbridge.bridge.config.file import read_file
from oscbridge.bridge.config.problem import ConfigProblem
from oscbridge.bridge.config.secrets import note_file
from oscbridge.bridge.config.toml import parse_toml
from oscbridge.errors import ConfigurationError
from oscbridge.osc.arguments import split_types
from oscbridge.osc.number_range import expand_addresses
from oscbridge.profiles.library import find_profile, shipped_profiles
from oscbridge.profiles.model import GroupOptions, KnownAddress, ProfileOptions
from oscbridge.templates.placeholders import Placeholder, parse_parts

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ValidationInfo
    from pydantic_core import CoreSchema

__all__ = ["Profile", "read_profile"]


class Profile:
    """The facts about a device. Immutable; equal if the contents of the files are."""

    def __init__(self, name: str, options: ProfileOptions, path: Path) -> None:
        self.name = name
        self.options = options
        self.path = path

    @staticmethod
    def shipped() -> Collection[str]:
        """The names of the profiles that come with oscbridge."""
        return shipped_profiles()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Profile):
            return NotImplemented
        return (self.name, self.options) == (other.name, other.options)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Profile({self.name!r})"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            _validate, json_schema_input_schema=core_schema.str_schema()
        )

    @cached_property
    def addresses(self) -> AddressBook:
        """All addresses, with ranges expanded, in the order of the file."""
        return AddressBook(info for info, _ in self.entries())

    @cached_property
    def spoken(self) -> AddressBook:
        """All addresses, and those of answers with JSON: ``/reply/version`` to ``/version``."""
        start = self.options.json_reply
        if start is None:
            return self.addresses
        replies = (
            AddressInfo(
                start + info.address,
                "s",
                access=Access.READ,
                description=info.description,
                tags=info.tags,
                origin=info.origin,
            )
            for info in self.addresses.values()
            if info.access & Access.READ
        )
        return AddressBook((*self.addresses.values(), *replies))

    def entries(self) -> Iterator[tuple[AddressInfo, KnownAddress]]:
        """All addresses, each with the entry of the file that it is from."""
        for group in self.options.group:
            for entry in group.addresses:
                yield from self._expanded(group, entry)

    def _expanded(
        self, group: GroupOptions, entry: KnownAddress
    ) -> Iterator[tuple[AddressInfo, KnownAddress]]:
        ranges = _ranges(entry)
        for address, chosen in expand_addresses(entry.address):
            info = AddressInfo(
                address,
                entry.types,
                ranges,
                entry.unit,
                entry.access_flags,
                _describe(entry.description, chosen),
                (group.name,),
                f"profile {self.name}",
                entry.curve,
            )
            yield info, entry


def read_profile(path: Path) -> Profile:
    """Read a file. Raises :class:`ConfigurationError` with one line for each problem."""
    tables = parse_toml(read_file(path), str(path))
    problems: list[ConfigProblem] = []
    options = validate(problems, ProfileOptions, tables, ())
    if options is not None:
        problems += _duplicates(options)
    if options is None or problems:
        raise ConfigurationError("\n".join(f"{path}: {problem}" for problem in problems))
    return Profile(path.stem, options, path)


def _duplicates(options: ProfileOptions) -> Iterator[ConfigProblem]:
    """Addresses that are described twice."""
    seen: dict[str, str] = {}
    for number, group in enumerate(options.group):
        for index, entry in enumerate(group.addresses):
            for address, _ in expand_addresses(entry.address):
                first = seen.setdefault(address, entry.address)
                if first is not entry.address:
                    place = ("group", number, "addresses", index, "address")
                    yield ConfigProblem(place, f"{address} is described by {first!r} already")
                    break


def _describe(text: str, chosen: tuple[str, ...]) -> str:
    """A description with the numbers of the ranges, without leading zeros."""

    def text_of(part: str | Placeholder) -> str:
        if isinstance(part, Placeholder) and part.is_argument and part.type is None:
            index = int(part.name) - 1
            if 0 <= index < len(chosen):
                return chosen[index].lstrip("0") or "0"
        return str(part)

    return "".join(map(text_of, parse_parts(text, literal_braces=True)))


def _ranges(entry: KnownAddress) -> tuple[ValueRange | None, ...]:
    if entry.choices:
        return (ValueRange(choices=entry.choices),)
    if not entry.range:
        return ()
    count = len(split_types(entry.types))
    pairs = [ValueRange(*pair) for pair in entry.range]
    return (*pairs, *[None] * (count - len(pairs)))


def _validate(value: object, info: ValidationInfo) -> Profile:
    if isinstance(value, Profile):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError('expected the name of a profile, in quotes, e.g. "x32"')
    directory = (info.context or {}).get("directory")
    return _profile_named(value, directory if isinstance(directory, Path) else Path())


def _profile_named(name: str, directory: Path) -> Profile:
    """The profile of an endpoint. Raises ``ValueError`` with all its problems in one line."""
    path = note_file(find_profile(name, directory))
    try:
        return read_profile(path)
    except ConfigurationError as error:
        raise ValueError(" / ".join(str(error).splitlines())) from None
