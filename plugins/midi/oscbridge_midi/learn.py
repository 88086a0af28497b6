"""Finds out which control was moved from the messages that it sent. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import oscbridge
from oscbridge_midi.codec import MidiValues, parse_message
from oscbridge_midi.message_table import BY_TYPE
from oscbridge_midi.parameters import ParameterRecognizer

__all__ = ["LearnedControl", "learn", "routes"]

LearnedControl = MidiValues
"""A kind and the numbers that identify the control: all but the value."""


def learn(messages: Sequence[bytes]) -> LearnedControl | None:
    """The control that most of the messages came from, or None.

    Two controllers 32 apart that both moved are the halves of one 14-bit control.
    """
    controllers = {(data[0], data[1]) for data in messages if data[0] & 0xF0 == 0xB0}
    pairs = {n for status, n in controllers if n < 32 and (status, n + 32) in controllers} - {6}
    recognizer = ParameterRecognizer(pairs=pairs)
    counts: Counter[LearnedControl] = Counter()
    for data in messages:
        if data[0] >= 0xF0:
            continue  # clocks and the like are sent without a control
        found = (
            recognizer.feed((data[0] & 15) + 1, data[1], data[2])
            if data[0] & 0xF0 == 0xB0
            else [parse_message(data)]
        )
        counts.update(_control(values) for values in found)
    counts.update(_control(values) for values in recognizer.flush())
    return max(counts, key=lambda control: counts[control]) if counts else None


def _control(values: MidiValues) -> LearnedControl:
    kind, numbers = values
    if kind.type == "note_off":  # the same key
        return LearnedControl(BY_TYPE["note_on"], numbers[:-1])
    return LearnedControl(kind, numbers[:-1])


def routes(
    control: LearnedControl, source: str, endpoint: str, reverse: str | None = None
) -> list[str]:
    """TOML: the route that sets the control, and one that sends it to ``reverse``."""
    kind, numbers = control
    address = "/".join([kind.address, *map(str, numbers)])
    selecting, value = kind.fields[: len(numbers)], kind.fields[-1]
    fields = {field.name: number for field, number in zip(selecting, numbers, strict=True)}
    found = [
        oscbridge.toml_table(
            "[[route]]",
            {
                "from": source,
                "match": address,
                "scale": (0.0, 1.0, 0, value.high),
                "to": endpoint,
                "midi": {"type": kind.type, **fields},
            },
        )
    ]
    if reverse is not None:
        needs = ['addresses = "long"']
        if kind.type == "control14":
            needs.append(f"pairs = [{numbers[1]}]")
        keys: dict[str, oscbridge.TomlValue] = {"from": endpoint, "match": address}
        keys |= {"scale": (0, value.high, 0.0, 1.0), "to": reverse}
        text = oscbridge.toml_table("[[route]]", keys)
        if kind.type == "note_on":
            end = "/".join([BY_TYPE["note_off"].address, *map(str, numbers)])
            keys = {"from": endpoint, "match": end, "send": f"{address} 0.0", "to": reverse}
            text = f"{text}\n\n{oscbridge.toml_table('[[route]]', keys)}"
        found.append(f"# requires {' and '.join(needs)} in [endpoint.{endpoint}]\n{text}")
    return found
