"""``oscbridge plugins check``"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from oscbridge.cli.configuration_option import configuration_option
from oscbridge.cli.report_output import NOTHING_TO_RUN, ReportOutput
from oscbridge.suggestions import suggest

if TYPE_CHECKING:  # they take longer to import than the list of plugins
    from oscbridge.plugins.manager import Plugin
    from oscbridge.testing.conformance import CheckedType, Rule, RuleResult

__all__ = ["command"]

RULE_LIMIT: Final = 60.0
"""Seconds for a rule. The suite ends what it can after a quarter of it; code that catches every
exception and never returns can only be ended with the process."""


@click.command("check")
@click.argument("name")
@configuration_option
@click.option("-k", "text", metavar="TEXT", help="Apply only rules with TEXT in their names.")
@click.pass_context
def command(context: click.Context, name: str, file: Path | None, text: str | None) -> None:
    """Check whether a plugin follows the contract.

    NAME is the name of an installed plugin, of its distribution, or of one of its types. Each
    type is connected, closed, cancelled, sent messages, and reloaded; what it does wrong is shown
    with its file and line. Some rules need a peer, a program for the other side of the
    connection, which the plugin names as example_peer; without one they are not run.

    Exit code: 0 if no rule failed, 1 if any did, 2 if there is no such plugin, 5 if no rule was
    applied.

    \b
    Examples:
      oscbridge plugins check websocket
      oscbridge plugins check oscbridge-lamp -k cancel
    """
    from oscbridge.testing.conformance import RULES

    began = time.perf_counter()
    faulthandler.enable()  # a crash of a library in C shows the line of the plugin
    logging.getLogger("oscbridge").setLevel(logging.CRITICAL + 1)  # the results show the errors
    plugin, types = _find(name, file or context.obj)
    output = _CheckOutput(plugin, types)
    if plugin.error is not None:
        output.show_broken(plugin)
        sys.exit(1)
    rules = [rule for rule in RULES if (text or "").lower() in rule.name]
    if not types or not rules:
        output.print("no rule to apply" if types else "it has no endpoint types: nothing to check")
        sys.exit(NOTHING_TO_RUN if types else 0)
    results = list(output.show_progress(types, rules))
    output.show_end(results, time.perf_counter() - began)
    sys.stdout.flush()
    # A thread or a task that the plugin has left must not keep the program from ending.
    os._exit(1 if any(result.outcome == "failed" for _, result in results) else 0)


def _find(name: str, file: Path | None) -> tuple[Plugin, Sequence[CheckedType]]:
    """The plugin of a name, and those of its types that the name is about."""
    from oscbridge.cli.loading import load_plugins  # completion does not need the plugins
    from oscbridge.testing.conformance import CheckedType

    found = load_plugins(file)
    types = found.endpoint_types
    for plugin in found.plugins:
        if name in (plugin.name, plugin.distribution) and name not in types:
            names = list(plugin.endpoints)
        elif name in plugin.endpoints or name in plugin.broken_types or name == plugin.name:
            names = [name] if name in plugin.endpoints else list(plugin.endpoints)
        else:
            continue
        checked = [CheckedType(types[each], each) for each in names]  # imports them
        return plugin, checked
    known = {each.name for each in found.plugins} | set(types)
    raise click.UsageError(f"no plugin or type {name!r}; {suggest(name, sorted(known))}")


class _CheckOutput(ReportOutput):
    """Prints the rules of a plugin."""

    def __init__(self, plugin: Plugin, types: Sequence[CheckedType]) -> None:
        super().__init__()
        version = f" {plugin.version}" if plugin.version else ""
        where = plugin.location or plugin.value
        self.print(f"{self.style(plugin.name, bold=True)}{version}: {where}\n")

    def show_broken(self, plugin: Plugin) -> None:
        """Print why a plugin cannot be loaded."""
        self.print(f"{plugin.name}::loads {self.style('FAILED', 'red')}\n")
        self.print(str(plugin.error))

    def show_progress(
        self, types: Sequence[CheckedType], rules: Sequence[Rule]
    ) -> Iterator[tuple[str, RuleResult]]:
        """Apply the rules, and print each result as soon as it is there."""
        total, done = len(types) * len(rules), 0
        colours = {"passed": "green", "failed": "red", "not run": "yellow"}
        for each in types:
            for rule in rules:
                name = f"{each.type_name}::{rule.name}"
                self.print(f"{name} ", end="")
                sys.stdout.flush()
                with (
                    self._limit(each, rule, name),
                    contextlib.redirect_stdout(io.StringIO()),  # what the plugin prints
                ):
                    result = rule.check(each)
                done += 1
                word, colour = result.outcome.upper(), colours[result.outcome]
                self.print_result(f"{name} ", word, colour, 100 * done // total)
                yield name, result

    @contextlib.contextmanager
    def _limit(self, checked: CheckedType, rule: Rule, name: str) -> Iterator[None]:
        """End the process if the plugin does not let a rule end."""
        from oscbridge.testing.conformance.places import module_prefix, running_place

        prefix = module_prefix(checked.endpoint.__module__)
        thread, stdout, end = threading.get_ident(), sys.stdout, os._exit  # rules replace them

        def give_up() -> None:
            sys.stdout = stdout
            place = running_place(thread, prefix)
            text = f"it does not return{f' (at {place})' if place else ''}, and ignores that it is "
            text += "interrupted; catch Exception, not BaseException"
            self.print(self.style("FAILED", "red"))
            self.print_title(f" {name} ", "_", "red")
            self.print(f"Rule: {rule.description}.\n")
            self.print(f"{self.style('E', 'red')}  {text}\n")
            self.print("The other rules were not applied.")
            sys.stdout.flush()
            end(1)

        timer = threading.Timer(RULE_LIMIT, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def show_end(self, results: Sequence[tuple[str, RuleResult]], seconds: float) -> None:
        """Print the problems, and the counts."""
        failed = [each for each in results if each[1].outcome == "failed"]
        not_run = [each for each in results if each[1].outcome == "not run"]
        if failed:
            self.print()
            self.print_title(" FAILURES ")
        for text in dict.fromkeys(result.text for _, result in failed):
            names = [name for name, result in failed if result.text == text]
            rule = next(result.rule for _, result in failed if result.text == text)
            self.print_title(f" {names[0]} ", "_", "red")
            self.print(f"Rule: {rule.description}.\n")
            self.print(f"{self.style('E', 'red')}  {text}\n")
            if names[1:]:
                self.print(f"Also in {', '.join(names[1:])}.\n")
        if not_run:
            if not failed:
                self.print()
            self.print_title(" NOT RUN ")
        for name, result in not_run:
            self.print(f"{self.style(name, bold=True)} - {result.text}")
        passed = len(results) - len(failed) - len(not_run)
        counts = [f"{len(failed)} failed"] if failed else []
        counts += [f"{passed} passed"]
        counts += [f"{len(not_run)} not run"] if not_run else []
        if not failed and not not_run:
            self.print()
        colour = "red" if failed else "green"
        self.print_title(f" {', '.join(counts)} in {seconds:.2f}s ", "=", colour)
