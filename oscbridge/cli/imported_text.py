"""An imported file as TOML with comments, and the check that the bridge accepts it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from oscbridge.bridge.config.problem import ConfigProblem
from oscbridge.bridge.config.reader import Reader
from oscbridge.bridge.config.toml import parse_toml
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.importing import ImportedFile, ImportedRule
from oscbridge.logs.format import visible
from oscbridge.toml_text import toml_table

__all__ = ["Verified", "imported_text", "verify"]

MAX_LINES: Final = 20
"""Lines of a rule that its comment shows."""

MAX_LINE: Final = 1_000
"""Characters of a line that a comment shows."""


class Verified(NamedTuple):
    """An imported file whose routes the bridge accepts."""

    file: ImportedFile
    """The file; rules with invalid routes have the reason instead of the routes."""
    problems: Sequence[str]
    """Problems of the other tables, human-readable."""


def verify(file: ImportedFile, types: Mapping[str, type[AnyEndpoint]]) -> Verified:
    """Check a file like ``oscbridge check``, and take out the routes that it would reject."""
    while True:
        problems = Reader(_tables(file), types).problems
        if any(each.path[0] != "route" for each in problems):
            # Routes may be wrong only because of these.
            return Verified(file, [str(each) for each in problems if each.path[0] != "route"])
        if not problems:
            return Verified(file, ())
        file = replace(file, rules=_without(file.rules, problems))


def _tables(file: ImportedFile) -> dict[str, Any]:
    return parse_toml("\n\n".join(_parts(file)), "the imported configuration")


def _parts(file: ImportedFile) -> Iterator[str]:
    for name, keys in file.tables.items():
        yield toml_table(f"[{name}]", keys)
    for rule in file.rules:
        for keys in rule.routes:
            yield toml_table("[[route]]", keys)


def _without(
    rules: Sequence[ImportedRule], problems: Sequence[ConfigProblem]
) -> list[ImportedRule]:
    """The rules, without the routes of those that have problems."""
    owners = [index for index, rule in enumerate(rules) for _ in rule.routes]
    left = list(rules)
    for problem in problems:
        [_, route, *key] = problem.path
        index = owners[int(route)]
        reason = str(replace(problem, path=tuple(key))) if key else problem.text
        if left[index].routes:  # the first problem is the reason
            left[index] = replace(left[index], routes=(), reason=reason)
    return left


def imported_text(file: ImportedFile, name: str, form: str) -> str:
    """The configuration, with the rules of the file as comments."""
    notes = [f"imported from {name} by `oscbridge import {form}`", *file.notes]
    parts = ["\n".join(_comment(note) for note in notes)]
    parts += [toml_table(f"[{each}]", keys) for each, keys in file.tables.items()]
    parts += map(_rule, file.rules)
    return "\n\n".join(parts)


def _rule(rule: ImportedRule) -> str:
    first, *rest = rule.text.strip("\n").split("\n") or [""]
    lines = [f"line {rule.line}: {first}", *rest[: MAX_LINES - 1]]
    if len(rest) >= MAX_LINES:
        lines.append(f"… {len(rest) - MAX_LINES + 1} more lines")
    if rule.reason:
        lines.append(rule.reason if rule.routes else f"not translated: {rule.reason}")
    tables = [toml_table("[[route]]", keys) for keys in rule.routes]
    return "\n".join([*map(_comment, lines), "\n\n".join(tables)]).rstrip("\n")


def _comment(text: str) -> str:
    """A line of TOML, whatever the text contains."""
    shown = visible(text.replace("\t", " "))
    return f"# {shown if len(shown) <= MAX_LINE else shown[: MAX_LINE - 1] + '…'}".rstrip()
