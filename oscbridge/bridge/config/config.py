"""The configuration file: TOML in, validated and frozen models out.

Everything that can be found without opening a socket is found here, and all of it at once.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from oscbridge.bridge.config.certificates import certificates_of
from oscbridge.bridge.config.environment import PREFIX, Overlay, mistaken, overlay
from oscbridge.bridge.config.file import read_file
from oscbridge.bridge.config.include import IncludedTables, include_files
from oscbridge.bridge.config.problem import KeyPath, path_text
from oscbridge.bridge.config.reader import Reader
from oscbridge.bridge.config.resolved import Configuration, EndpointEntry
from oscbridge.bridge.config.secrets import secret_warnings
from oscbridge.bridge.config.tokens import front_warnings
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.options import Options
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.net.certificate import certificate_warning
from oscbridge.osc.pattern import with_stars

__all__ = [
    "DEFAULT",
    "Configuration",
    "EndpointEntry",
    "Examined",
    "examine",
    "load",
    "parse",
]

_log: Final = logging.getLogger("oscbridge")

DEFAULT = """\
[http]
listen   = "127.0.0.1:9180"
on_start = "retry"

[bridge.osc]
listen = "udp://127.0.0.1:9000"

[endpoint.web]
type   = "websocket"
listen = "127.0.0.1:8080"
"""
"""The configuration that is used without a file."""


def load(
    path: Path,
    types: Mapping[str, type[AnyEndpoint]],
    *,
    allow_broken: bool = False,
    with_tests: bool = False,
) -> Configuration:
    """Read a file and the environment. ``types`` are the endpoint types by name.

    Raises as :func:`parse` does.
    """
    directory, text = path.absolute().parent, read_file(path, allow_pipe=True)
    return parse(
        text, types, str(path), directory, allow_broken=allow_broken, with_tests=with_tests
    )


def parse(
    text: str,
    types: Mapping[str, type[AnyEndpoint]],
    name: str,
    directory: Path | None = None,
    *,
    allow_broken: bool = False,
    with_tests: bool = False,
) -> Configuration:
    """Read TOML and the environment, which takes precedence.

    ``name`` is the name of the file, for error messages; relative file names start at
    ``directory``. The variables that were used are logged. Raises
    :class:`ConfigurationError` that lists every problem, and :class:`OSCBridgeError` if all of
    them are endpoints of broken plugins, which ``allow_broken`` accepts.
    ``with_tests`` reads the tables ``[[test]]``, which are ignored otherwise.
    """
    path = "" if directory is None else str(directory / Path(name).name)
    files = include_files(text, name, Path(path))
    found = examine(files, types, directory, path, with_tests=with_tests)
    problems = [text for _, _, text in found.problems]
    if not problems and found.reader.broken and not allow_broken:
        raise OSCBridgeError(
            "\n".join(files.explain(each.path, str(each)) for each in found.reader.broken)
        )
    if problems:
        raise ConfigurationError("\n".join(problems))
    if found.overlaid.variables:
        _log.info("settings from the environment: %s", ", ".join(found.overlaid.variables))
    for variable in mistaken(os.environ):  # only a warning: Kubernetes names its services so
        _log.warning("%s is ignored: settings begin with %s", variable, PREFIX)
    for warning in found.warnings:
        _log.warning("%s", warning)
    return found.configuration()


class Examined(NamedTuple):
    """Tables and the environment, read part by part: the valid parts, and all problems."""

    files: IncludedTables
    overlaid: Overlay
    reader: Reader
    name: str

    @property
    def problems(self) -> Sequence[tuple[KeyPath, str, str]]:
        """Where each problem is, what it is, and all that after the name of its file."""
        found: list[tuple[KeyPath, str, str]]
        found = [((), text, f"environment: {text}") for text in self.overlaid.problems]
        for each in self.reader.problems:
            whole = self.files.explain(each.path, self.overlaid.explain(each))
            found.append((each.path, each.text, whole))
        return found

    @property
    def warnings(self) -> Sequence[str]:
        """The warnings of a valid configuration, each after the name of its file."""
        found = [*self.files.warnings, *_all_warnings(self.reader, self.files)]
        if not self.reader.bridges and not self.reader.endpoints:
            found.append(f"{self.name}: no bridges and no endpoints: nothing will be received")
        return found

    def configuration(self) -> Configuration:
        """The configuration. To be called only without problems."""
        return replace(self.reader.configuration(), tests=self.reader.tests)


def examine(
    files: IncludedTables,
    types: Mapping[str, type[AnyEndpoint]],
    directory: Path | None,
    path: str,
    *,
    with_tests: bool = False,
) -> Examined:
    """Read the tables of files and the environment. Arguments as for :func:`parse`."""
    overlaid = overlay(files.raw, os.environ)
    reader = Reader(overlaid.raw, types, directory, path, with_tests=with_tests)
    return Examined(files, overlaid, reader, next(iter(files.texts)))


def _all_warnings(reader: Reader, files: IncludedTables) -> Iterator[str]:
    """The warnings of a valid configuration, each after the name of its file."""
    for endpoint, entry in reader.endpoints.items():
        place = ("endpoint", endpoint)
        for warning in _warnings(entry.options):
            yield files.explain(place, f"endpoint.{endpoint}: {warning}")
        for warning in _certificate_warnings(entry.options):
            yield files.explain(place, f"endpoint.{endpoint}.{warning}")
        for key, warning in secret_warnings(entry.options, place):
            yield files.explain(key, f"{path_text(key)}: {warning}")
    if reader.http is not None:
        for warning in _certificate_warnings(reader.http):
            yield files.explain(("http",), f"http.{warning}")
    for endpoint, warning in front_warnings(reader.endpoints, reader.tokens.tokens):
        yield files.explain(("endpoint", endpoint), f"endpoint.{endpoint}: {warning}")
    for path, warning in reader.tokens.warnings:
        yield files.explain(path, warning)
    for bridge, warning in reader.client_warnings:
        yield files.explain(("bridge", bridge, "clients"), warning)
    for each in reader.doubts:
        yield files.explain(each.path, str(each))
    for index, warning in reader.warnings:
        yield files.explain(("route", index), warning)
    if reader.dot_stars:
        yield files.explain(("route", min(reader.dot_stars)), _dot_stars(reader.dot_stars))


def _dot_stars(found: Mapping[int, str]) -> str:
    """The warning about routes with ``.*`` in ``match``, by index."""
    index, match = next(iter(found.items()))
    more = f"; so are {len(found) - 1} more" if len(found) > 1 else ""
    stars = with_stars(match)
    return f"route {index + 1}: match: {match!r} is read as {stars!r}; write '*', not '.*'{more}"


def _warnings(options: Options) -> Sequence[str]:
    """The warnings of an endpoint's options; a bug of its plugin is one of them."""
    try:
        return tuple(map(str, options.config_warnings()))
    except BaseException as error:
        return (f"its plugin is broken: {type(error).__name__}: {error}",)


def _certificate_warnings(options: Options) -> Iterator[str]:
    """The certificates in some options that are not valid now, or not for long."""
    for key, info in certificates_of(options).items():
        if warning := certificate_warning(info, datetime.now(UTC)):
            yield f"{key}: {warning}"
