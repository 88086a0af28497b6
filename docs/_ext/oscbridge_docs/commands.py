"""The commands of the program, from click."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import click

from oscbridge.cli import cli
from oscbridge_docs.markdown import table

__all__ = ["all_commands", "commands"]

PROGRAM: Final = "oscbridge"
WIDTH: Final = 88

_EXAMPLES: Final = re.compile(r"^\x08\n", re.MULTILINE)
_NAME: Final = re.compile(r"(?<![`\w])(?:--?[a-z][a-z-]*|[A-Z]{3,}|[a-z]+://\S*[\w*])")
"""Options, placeholders and URLs."""
_ACRONYMS: Final = frozenset({"JSON", "MIDI", "OSC", "TCP", "TOML", "UDP", "URL", "URLS"})


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """All commands with their names, those of plugins and those of groups too."""
    yield from _below(cli, PROGRAM)


def commands() -> str:
    """A list of all commands, then a section for each."""
    found = dict(all_commands())
    rows = [
        (f"[`{name}`](#{name.replace(' ', '-')})", _short(each)) for name, each in found.items()
    ]
    sections = [_section(name, each) for name, each in found.items()]
    return "\n".join([table(("command", ""), rows), *sections])


def _below(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name=name)
    for key in group.list_commands(context):
        command = group.get_command(context, key)
        assert command is not None
        if command.hidden:
            continue
        yield f"{name} {key}", command
        if isinstance(command, click.Group):
            yield from _below(command, f"{name} {key}")


def _short(command: click.Command) -> str:
    return _marked(command.get_short_help_str(200))


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    parts = [f"## {name}\n", f"```text\n{usage}\n```\n", _help(command)]
    rows = list[tuple[str, str]]()
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            rows.append((f"`{record[0]}`", _marked(record[1])))
    return "\n".join([*parts, table(("option", ""), rows)])


def _help(command: click.Command) -> str:
    """The help of a command: paragraphs, and examples as they are."""
    parts = []
    for paragraph in (command.help or "").strip().split("\n\n"):
        if _EXAMPLES.match(paragraph):
            lines = _EXAMPLES.sub("", paragraph).splitlines()
            title = [] if lines[0].startswith(" ") else [lines.pop(0)]
            text = "\n".join(line.removeprefix("  ") for line in lines)
            parts += [*map(_marked, title), f"```text\n{text}\n```"]
        else:
            parts.append(_marked(" ".join(paragraph.split())))
    return "\n\n".join(parts) + "\n"


def _marked(text: str) -> str:
    """Plain text as Markdown: options, placeholders and URLs are code."""
    parts, at = [], 0
    for found in _NAME.finditer(text):
        marked = found[0] if found[0] in _ACRONYMS else f"`{found[0]}`"
        parts += [_escaped(text[at : found.start()]), marked]
        at = found.end()
    return "".join([*parts, _escaped(text[at:])])


def _escaped(text: str) -> str:
    return re.sub(r"([*_<\[\]])", r"\\\1", text)
