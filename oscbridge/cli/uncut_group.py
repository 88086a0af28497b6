"""A group of commands whose help shows whole sentences."""

from __future__ import annotations

from typing import Final

import click

__all__ = ["UncutGroup", "keep_summaries"]

MAX_SUMMARY: Final = 1_000
"""Characters of a summary. Click cuts them at the width of the terminal by default."""


class UncutGroup(click.Group):
    """Lists its commands with their whole summaries, wrapped."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, command.get_short_help_str(MAX_SUMMARY))
            for name, command in found
            if command is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def keep_summaries(command: click.Command) -> None:
    """Let the group of a plugin, and the groups in it, list whole summaries, too."""
    if isinstance(command, click.Group):
        for each in command.commands.values():
            if each.short_help is None and not each.deprecated:
                each.short_help = each.get_short_help_str(MAX_SUMMARY)
            keep_summaries(each)
