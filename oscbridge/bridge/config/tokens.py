"""Reads the tables ``[[token]]`` of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from oscbridge.access.rights import AccessRights
from oscbridge.access.token import AccessToken, digest_of
from oscbridge.bridge.broken_endpoint import BrokenEndpoint
from oscbridge.bridge.config.error_messages import validate
from oscbridge.bridge.config.names import NAME
from oscbridge.bridge.config.port_conflicts import listen_of_endpoint
from oscbridge.bridge.config.problem import ConfigProblem, KeyPath, path_text, show
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.config.secrets import Secret, secret_warnings
from oscbridge.bridge.config.token_models import MAX_TOKENS, TokenOptions
from oscbridge.contract.abilities import Guarded
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.net.hosts import is_loopback
from oscbridge.suggestions import suggest

__all__ = ["HTTP", "TokenReader", "front_warnings", "read_tokens"]

HTTP: Final = "http"
"""The name of ``[http]`` under ``endpoints``."""

MIN_SECRET: Final = 8
"""The shortest secret without a warning, in characters: shorter ones are easy to guess."""

_MAKE: Final = "`openssl rand -hex 16` makes one"


@dataclass(frozen=True)
class Fronts:
    """What a token can be valid for."""

    endpoints: Mapping[str, type[AnyEndpoint] | None]
    """The types of all endpoints by name; None if it is unknown."""
    has_http: bool

    def problem_with(self, name: str) -> str:
        """Why a token cannot be valid for the part with this name; "" if it can."""
        guarded = [each for each in self.endpoints if self._is_guarded(each)]
        if name == HTTP and name not in guarded:
            return ""
        if name == HTTP:
            return "ambiguous: [http] or [endpoint.http]; rename the endpoint"
        if name in guarded:
            return ""
        if name in self.endpoints:
            return "this endpoint asks for no token; remove the name"
        return f"unknown endpoint; {suggest(name, [*guarded, HTTP])}"

    def _is_guarded(self, name: str) -> bool:
        kind = self.endpoints[name]
        return kind is None or issubclass(kind, (Guarded, BrokenEndpoint))


class TokenReader:
    """Reads tokens, and finds their problems."""

    def __init__(self, fronts: Fronts, directory: Path | None) -> None:
        self.problems: list[ConfigProblem] = []
        self.warnings: list[tuple[KeyPath, str]] = []
        """Lines about valid tokens, with their paths."""
        self.tokens: list[AccessToken] = []
        self._fronts = fronts
        self._directory = directory
        self._names: dict[str, int] = {}
        self._secrets: dict[Secret, int] = {}
        self._titles: list[str] = []

    def read(self, section: object) -> None:
        """Read the value of the key ``token``."""
        path = ("token",)
        if not isinstance(section, list) or not all(isinstance(each, dict) for each in section):
            text = "expected a list of tables; write [[token]]"
            self.problems.append(ConfigProblem(path, text))  # it may contain a secret
            return
        if len(section) > MAX_TOKENS:
            text = f"{len(section)} tokens; at most {MAX_TOKENS} are allowed"
            self.problems.append(ConfigProblem(path, text))
            return
        for index, table in enumerate(section):
            self._read(index, table)

    def _read(self, index: int, table: Mapping[str, Any]) -> None:
        name = table.get("name")
        title = name if isinstance(name, str) and NAME.fullmatch(name) else ""
        self._titles.append(title)
        found: list[ConfigProblem] = []
        options = validate(found, TokenOptions, table, ("token", index), directory=self._directory)
        if title and (first := self._names.setdefault(title, index)) != index:
            text = f"duplicate name: token {first + 1} has it too; rename one"
            found.append(ConfigProblem(("token", index, "name"), text, show(name)))
        if options is not None:
            found += self._secret_problems(index, options.secret)
            found += self._endpoint_problems(index, options.endpoints or ())
        self.problems += [replace(each, title=title) for each in found]
        if options is None or found:
            return
        self._warn(index, title, options)
        rights = AccessRights.of(options.rights, options.addresses)
        fronts = None if options.endpoints is None else frozenset(options.endpoints)
        digest = digest_of(options.secret.value)
        self.tokens.append(AccessToken(options.name, digest, rights, fronts))

    def _secret_problems(self, index: int, secret: Secret) -> Iterator[ConfigProblem]:
        first = self._secrets.setdefault(secret, index)
        if first != index:
            other = path_text(("token", first), self._titles[first])
            text = (
                f"{other} has the same secret; every token needs its own, and one token may be "
                "valid for several endpoints"
            )
            yield ConfigProblem(("token", index, "secret"), text)

    def _endpoint_problems(self, index: int, names: Sequence[str]) -> Iterator[ConfigProblem]:
        for position, name in enumerate(names):
            if problem := self._fronts.problem_with(name):
                path = ("token", index, "endpoints", position)
                yield ConfigProblem(path, problem, show(name))

    def _warn(self, index: int, title: str, options: TokenOptions) -> None:
        place = ("token", index)
        for key, text in secret_warnings(options, place):
            self.warnings.append((key, f"{path_text(key, title)}: {text}"))
        secret = path_text((*place, "secret"), title)
        if len(options.secret.value) < MIN_SECRET:
            text = f"shorter than {MIN_SECRET} characters, which is easy to guess; {_MAKE}"
            self.warnings.append((place, f"{secret}: {text}"))
        if options.endpoints == (HTTP,) and not self._fronts.has_http:
            text = "no effect: the table [http] is missing"
            self.warnings.append((place, f"{path_text((*place, 'endpoints'), title)}: {text}"))


def read_tokens(
    raw: Mapping[str, Any],
    endpoints: Mapping[str, Mapping[str, Any]],
    types: Mapping[str, type[AnyEndpoint]],
    directory: Path | None,
) -> TokenReader:
    """The tokens of a file's tables; ``endpoints`` are those of its endpoints, by name.

    ``types`` are the endpoint types by name; relative file names start at ``directory``.
    """
    known = {name: types.get(str(each.get("type"))) for name, each in endpoints.items()}
    reader = TokenReader(Fronts(known, HTTP in raw), directory)
    reader.read(raw.get("token", []))
    return reader


def front_warnings(
    endpoints: Mapping[str, EndpointEntry], tokens: Sequence[AccessToken]
) -> Iterator[tuple[str, str]]:
    """A line about each endpoint that everybody can use, or nobody, with its name.

    Everybody: other machines reach it, and no token is valid for it.
    """
    for name, entry in endpoints.items():
        if not issubclass(entry.factory, Guarded):
            continue
        valid = [token for token in tokens if token.is_valid_at(name)]
        listen = listen_of_endpoint(name, entry.options)
        if valid and not any(each.rights.listens or each.rights.sends for each in valid):
            text = f"its only tokens ({', '.join(each.name for each in valid)}) may neither listen"
            yield name, f"{text} nor send, so nobody can; set their 'endpoints', or add a [[token]]"
        elif not valid and listen is not None and not is_loopback(listen.at.host):
            text = f"everyone who reaches {listen.shown} can listen and send"
            yield name, f"{text}; add a [[token]], or listen on 127.0.0.1"
