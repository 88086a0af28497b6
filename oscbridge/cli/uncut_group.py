"""A group of commands whose help shows whole sentences, and whose errors suggest a command."""

from __future__ import annotations

from typing import Final

import click

from oscbridge.suggestions import suggest

__all__ = ["UncutGroup", "keep_summaries"]

MAX_SUMMARY: Final = 1_000
"""Characters of a summary. Click cuts them at the width of the terminal by default."""


class UncutGroup(click.Group):
    """Lists its commands with their whole summaries, wrapped."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known:
            raise click.UsageError(f"unknown command {args[0]!r}; {suggest(args[0], known)}", ctx)
        return super().resolve_command(ctx, args)

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
