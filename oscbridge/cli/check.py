"""``oscbridge check``"""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from oscbridge.cli.completion import complete_file_source
from oscbridge.cli.send import read_message
from oscbridge.osc import Message
from oscbridge.osc.message_text import read_message_text

__all__ = ["command"]


class _MessageParameter(click.ParamType[Message]):
    """A message as for ``oscbridge send``, in one text, or with type tags as it is shown."""

    name = "message"

    def convert(
        self, value: str | Message, param: click.Parameter | None, ctx: click.Context | None
    ) -> Message:
        if isinstance(value, Message):
            return value
        try:
            words = shlex.split(value)
            if any(word.startswith(",") for word in words[1:2]):
                return read_message_text(value)
            return read_message(words)
        except ValueError as error:  # an unclosed quote
            self.fail(f"{value!r}: {str(error)[:1].lower()}{str(error)[1:]}", param, ctx)
        except click.UsageError as error:
            self.fail(f"{value!r}: {error.format_message()}", param, ctx)


@click.command("check")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--trace",
    "message",
    type=_MessageParameter(),
    metavar="MESSAGE",
    help="Show step by step what the routes would do with a message, e.g. '/x 0.5' or '/x ,f 1'.",
)
@click.option(
    "--from",
    "source",
    metavar="NAME",
    shell_complete=complete_file_source,
    help="The bridge or endpoint that the message comes from.",
)
@click.option(
    "--fix", is_flag=True, help="Rename or move keys in FILE that have changed, before the check."
)
def command(file: Path, message: Message | None, source: str | None, fix: bool) -> None:
    """Check a configuration FILE without opening anything.

    Every problem is shown with its key, its value and how to fix it. With --trace, the
    functions of routes run; nothing is sent. With --fix, FILE is replaced if it contains
    former names of keys; its comments, order and formatting are kept.

    Exit code: 0 if FILE is valid, 2 if it has problems, 1 if --fix cannot write it or if the
    message of --trace goes nowhere.

    \b
    Examples:
      oscbridge check studio.toml
      oscbridge check studio.toml --fix
      oscbridge check studio.toml --trace "/1/fader3 0.5"
      oscbridge check studio.toml --trace "/cue 'intro music'" --from stage
    """
    from oscbridge.cli.checking import check  # loads the bridge, which completion does not need

    check(file, message, source, fix=fix)
