"""Compares the README of a plugin with its code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic.fields import FieldInfo

from oscbridge.contract.option_docs import option_docs
from oscbridge.contract.options import Options
from oscbridge.net.allowlist import AllowList
from oscbridge.net.url import HostPort

__all__ = ["PluginReadme"]

_BLOCK: Final = r"^```{}\n(.*?)^```$"
_NAME: Final = re.compile(r"`([^`]+)`")
_SEPARATOR: Final = re.compile(r"(?<!\\)\|")


class PluginReadme:
    """The README of a plugin, for tests that compare it with the code."""

    def __init__(self, file: Path) -> None:
        self.text = file.read_text(encoding="utf-8")

    def blocks(self, language: str) -> list[str]:
        """The blocks of code in a language, in order."""
        return re.findall(_BLOCK.format(re.escape(language)), self.text, re.MULTILINE | re.DOTALL)

    def rows(self, head: str) -> dict[str, list[str]]:
        """The cells of the rows of a table, by the first name in backticks of each row.

        ``head`` is the beginning of the table's first line, e.g. ``| key |``. Raises
        ``AssertionError`` without such a table.
        """
        assert f"\n{head}" in self.text, f"no table begins with {head!r}"
        lines = self.text.partition(f"\n{head}")[2].partition("\n\n")[0].splitlines()
        found: dict[str, list[str]] = {}
        for line in lines[2:]:
            name = _NAME.search(line)
            if name is not None:
                cells = _SEPARATOR.split(line.strip().removeprefix("|").removesuffix("|"))
                found[name[1]] = [cell.strip() for cell in cells]
        return found

    def check_options(
        self,
        head: str,
        *models: type[Options],
        defaults: Mapping[str, str] | None = None,
    ) -> None:
        """Compare a table of options with their models: one row per key, with its default.

        The first column has the key in backticks, and the second its default: in backticks as it
        is written in TOML, ``none``, or ``required``. ``defaults`` has others.
        Raises ``AssertionError`` that lists every difference.
        """
        fields = {name: field for model in models for name, field in model.model_fields.items()}
        docs = {name: text for model in models for name, text in option_docs(model).items()}
        rows = self.rows(head)
        problems = [f"{name}: the table has no such row" for name in fields.keys() - rows.keys()]
        problems += [f"{name}: no such option" for name in rows.keys() - fields.keys()]
        for name, field in fields.items():
            wanted = (defaults or {}).get(name, _default(field))
            found = rows.get(name, ["", wanted])[1]
            if found != wanted:
                problems.append(f"{name}: the table has the default {found}, the model {wanted}")
            if name not in docs:
                problems.append(f"{name}: the option has no description")
        assert not problems, "\n".join(sorted(problems))


def _default(field: FieldInfo) -> str:
    """The default of an option, as a table shows it."""
    if field.is_required():
        return "required"
    default: object = field.get_default(call_default_factory=True)
    if default is None:
        return "none"
    if isinstance(default, AllowList):
        return "`[]`"
    if isinstance(default, HostPort):
        return f'`"{default}"`'
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{json.dumps(default, default=str)}`"
