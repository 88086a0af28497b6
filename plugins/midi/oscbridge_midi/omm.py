"""Converts maps of OSC2MIDI (``.omm``) to routes. Pure.

A rule is ``path types, arguments : function(arguments);``. The arguments on the left are one per
``{i}`` in the path and one per type: names, optionally with arithmetic, numbers, or ranges like
``0-15``; a number or a range is a condition. Channels count from 0 in maps, and from 1 in routes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import click

import oscbridge
from oscbridge_midi.omm_left import LeftSide
from oscbridge_midi.omm_right import SETTERS, assignment, midi_options
from oscbridge_midi.omm_rules import MapRule, read_rules
from oscbridge_midi.omm_terms import UntranslatableRule

__all__ = ["IMPORTER", "translate"]

NOTES = (
    "the rules are for the way from OSC to MIDI; OSC2MIDI also uses them for the way back",
    "values are rounded to the nearest number, where OSC2MIDI rounds down: a fader's center is 64",
    "a note, controller or channel that is out of range is dropped, not limited",
)


def translate(
    text: str,
    source: str = "stage",
    endpoint: str = "synth",
    output: str = "virtual:oscbridge",
    channel: int = 1,
    velocity: int = 100,
) -> oscbridge.ImportedFile:
    """The rules of a map as routes from a bridge to a MIDI endpoint.

    ``channel`` (1 to 16) and ``velocity`` are the values of the words ``channel`` and
    ``velocity``, which OSC2MIDI takes from its command line. Raises
    :class:`oscbridge.InputError` for a text without rules.
    """
    rules = list(read_rules(text))
    if not rules:
        raise oscbridge.InputError(0, "no rules such as '/fader f, x : note(0, x)'; is it a map?")
    set_by_rules = {SETTERS[rule.function] for rule in rules if rule.function in SETTERS}
    defaults = {"channel": channel - 1, "velocity": velocity}
    variables = {name: value for name, value in defaults.items() if name in set_by_rules}
    known = {name: float(value) for name, value in defaults.items() if name not in variables}
    tables: dict[str, oscbridge.TomlTable] = {"variables": variables} if variables else {}
    tables[f"bridge.{source}"] = {}
    tables[f"endpoint.{endpoint}"] = {"type": "midi", "output": output}
    translated = [_translate(rule, source, endpoint, known) for rule in rules]
    return oscbridge.ImportedFile(tables, translated, NOTES)


def _translate(
    rule: MapRule, source: str, endpoint: str, known: Mapping[str, float]
) -> oscbridge.ImportedRule:
    try:
        if rule.problem:
            raise UntranslatableRule(rule.problem)
        variables = [name for name in SETTERS.values() if _uses_variable(rule, name, known)]
        left = LeftSide.read(rule, variables)
        if rule.function in SETTERS:
            then: dict[str, oscbridge.TomlValue] = {
                "set": assignment(left, rule.function, rule.right, known)
            }
        else:
            options = midi_options(left, rule.function, rule.right, known)
            if options is not None and _fires_on_release(rule, options):
                options["on"] = "any"
            then = {} if options is None else {"midi": options}
    except UntranslatableRule as error:
        return oscbridge.ImportedRule(rule.line, rule.text, reason=str(error), count=rule.count)
    keys: dict[str, oscbridge.TomlValue] = {"from": source, "match": left.match}
    keys["types"] = left.types
    if left.conditions:
        keys["when"] = " and ".join(left.conditions)
    if variables:
        values = " ".join(f"{{= var.{name}}}" for name in variables)
        keys["send"] = f"{{address}} {{*}} {values}"
    if "set" not in then:
        keys["to"] = endpoint
    keys |= then
    return oscbridge.ImportedRule(rule.line, rule.text, [keys], left.note, rule.count)


def _fires_on_release(rule: MapRule, options: Mapping[str, oscbridge.TomlValue]) -> bool:
    """Whether the rule sends a constant message for 0 as well, where a route would not."""
    is_constant = not any(isinstance(each, str) and "{" in each for each in options.values())
    return is_constant and rule.types[:1] in tuple("ihfdcFN")


def _uses_variable(rule: MapRule, name: str, known: Mapping[str, float]) -> bool:
    """Whether the right side has this word, and other rules change its value."""
    return name not in known and any(re.search(rf"\b{name}\b", each) for each in rule.right)


IMPORTER = oscbridge.Importer(
    "maps of OSC2MIDI (.omm)",
    translate,
    (
        click.Option(["--from", "source"], default="stage", show_default=True, help="Bridge."),
        click.Option(
            ["--to", "endpoint"], default="synth", show_default=True, help="MIDI endpoint."
        ),
        click.Option(
            ["--output"], default="virtual:oscbridge", show_default=True, help="MIDI port."
        ),
        click.Option(
            ["--channel"],
            type=click.IntRange(1, 16),
            default=1,
            show_default=True,
            help="Value of the word 'channel' in the map.",
        ),
        click.Option(
            ["--velocity"],
            type=click.IntRange(0, 127),
            default=100,
            show_default=True,
            help="Value of the word 'velocity' in the map.",
        ),
    ),
)
