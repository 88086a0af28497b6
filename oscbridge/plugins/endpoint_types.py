"""The endpoint types that plugins offer: checked, and imported when they are first used."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from oscbridge.distributions import version
from oscbridge.failures import defined_at
from oscbridge.file_reading import open_regular
from oscbridge.plugins.class_problem import class_problem

if TYPE_CHECKING:  # endpoints need pydantic, which loads slowly: only if there is one
    from oscbridge.contract.endpoint import AnyEndpoint

__all__ = [
    "EndpointTypeMap",
    "OfferedType",
    "UnusableType",
    "import_type",
    "problem_with_offer",
    "stand_in",
    "types_in_source",
]

MAX_SOURCE: Final = 1 << 20
"""Bytes of a plugin's source that are searched for its types."""

_FIRST_CONTRACT: Final = 1
"""The version of the contract that a class without ``api`` is written for."""

OfferedType: TypeAlias = "type[AnyEndpoint] | Callable[[], type[AnyEndpoint]]"
"""A class, or what imports it; that is called at every use."""


class UnusableType(TypeError):
    """An endpoint class that cannot be used; the text says why, and where it is defined."""


class EndpointTypeMap(Mapping[str, "type[AnyEndpoint]"]):
    """Endpoint classes by the name of their type. Those that need it are imported on access."""

    def __init__(self, offered: Mapping[str, OfferedType]) -> None:
        self._offered = dict(offered)

    def __getitem__(self, name: str) -> type[AnyEndpoint]:
        offered = self._offered[name]
        return offered if isinstance(offered, type) else offered()

    def __iter__(self) -> Iterator[str]:
        return iter(self._offered)

    def __len__(self) -> int:
        return len(self._offered)

    def __contains__(self, name: object) -> bool:
        return name in self._offered  # without an import

    def with_fallbacks(self, others: EndpointTypeMap) -> EndpointTypeMap:
        """These and other types, which are used where this map has none of their name."""
        return EndpointTypeMap({**others._offered, **self._offered})


def problem_with_offer(offered: object, distribution: str = "plugin") -> str:
    """The problem with the result of ``oscbridge_endpoints``, or ``""``.

    Types that are given by their path are not imported. ``distribution`` is that of the plugin, or
    its file.
    """
    if not isinstance(offered, Mapping):
        return f"returns {offered!r}, not a dictionary of endpoint classes"
    for name, factory in offered.items():
        if not isinstance(name, str):
            return f"the type {name!r} is not a string"
        if isinstance(factory, str):
            if not EntryPoint.pattern.fullmatch(factory):
                return f"the type {name!r} is {factory!r}; write it as 'package.module:Class'"
        elif problem := _problem_with_type(name, factory, distribution):
            return problem
    return ""


def import_type(name: str, path: str, distribution: str) -> type[AnyEndpoint]:
    """The class at a path, e.g. ``"oscbridge_lamp.endpoint:Lamp"``.

    Raises what the import raises, and :class:`UnusableType` for a class that cannot be used.
    """
    found: object = EntryPoint(name, path, "").load()
    if problem := _problem_with_type(name, found, distribution):
        raise UnusableType(problem)
    return cast("type[AnyEndpoint]", found)


def types_in_source(location: str, entry_point: str) -> set[str]:
    """The endpoint types that the source of a plugin names, which is only read.

    ``location`` is its file, if it was found, and ``entry_point`` its module.
    """
    try:
        file = Path(location) if location.endswith(".py") else _file_of(entry_point)
        with open_regular(file) as opened:
            text = opened.read(MAX_SOURCE).decode(errors="replace")
    except (ImportError, OSError, ValueError, TypeError):
        return set()
    hooks = re.findall(r"def oscbridge_\w+.*(?:\n(?:[ \t].*)?)*", text)
    return set(re.findall(r"""["']([^"'\n]{1,64})["']""", "\n".join(hooks)))


def _file_of(entry_point: str) -> Path:
    """The file of a module. Raises if it is not found."""
    package, *parts = entry_point.partition(":")[0].split(".")
    spec = find_spec(package)  # imports nothing of it
    if spec is None or not spec.origin:
        raise ImportError(package)
    if not parts:
        return Path(spec.origin)
    place = Path(spec.origin).parent.joinpath(*parts)
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def stand_in(problem: str) -> type[AnyEndpoint]:
    """The class of an endpoint whose plugin is broken: it never connects, for this reason."""
    from oscbridge.bridge.broken_endpoint import broken_type

    return broken_type(problem)


def _problem_with_type(name: str, factory: object, distribution: str) -> str:
    """The problem with an endpoint class, or ``""``."""
    from oscbridge.contract.endpoint import Endpoint
    from oscbridge.osc.pattern import Pattern

    if not (isinstance(factory, type) and issubclass(factory, Endpoint)):
        return f"the type {name!r} is {factory!r}, not a subclass of oscbridge.Endpoint"
    problem = _contract_problem(factory, distribution) or class_problem(factory)
    if problem:
        return f"the type {name!r}: {problem}"
    routes: object = factory.default_routes
    if not isinstance(routes, tuple | list) or not all(isinstance(each, str) for each in routes):
        text = f"default_routes must be a tuple of patterns, got {routes!r}"
        return f"the type {name!r}: {text} ({defined_at(factory)})"
    for match in factory.default_routes:
        try:
            Pattern(match, mapped=True)
        except ValueError as error:
            return f"the default route {match!r} of type {name!r}: {error}"
    return ""


def _contract_problem(factory: type[AnyEndpoint], distribution: str) -> str:
    """What to install if the class is for another version of the contract."""
    from oscbridge.contract.endpoint import Endpoint

    declared = (vars(kind).get("api") for kind in factory.__mro__ if kind is not Endpoint)
    wanted = next((each for each in declared if each is not None), _FIRST_CONTRACT)
    has = Endpoint.api
    if wanted == has:
        return ""
    if not isinstance(wanted, int):
        return f"{factory.__name__}.api must be a whole number, got {wanted!r}"
    this = f"oscbridge {version('oscbridge')}"
    what = "oscbridge" if wanted > has else distribution
    command = f"update {what}" if what.endswith(".py") else f"pip install --upgrade {what}"
    return (
        f"written for version {wanted} of the plugin contract, but {this} has version {has}; "
        f"install a newer {what.rpartition('/')[2]}: {command} ({defined_at(factory)})"
    )
