"""A shorter run of ``make fuzz``, the same every time."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from oscbridge.errors import DecodeError
from oscbridge.osc import decode_packet


def load(name: str) -> ModuleType:
    """A module of this folder, which is not a package."""
    spec = importlib.util.spec_from_file_location(
        f"fuzz_{name}", Path(__file__).parent / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


mutants, targets = load("mutants"), load("targets")


def test_original_packets_are_valid() -> None:
    for packet in mutants.VALID:
        decode_packet(packet)


def test_same_seed_makes_the_same_packets() -> None:
    assert list(mutants.packets(100, 3)) == list(mutants.packets(100, 3))


def test_some_mutated_packets_are_valid_and_others_invalid_in_many_ways() -> None:
    reasons: set[str] = set()
    valid = 0
    for packet in mutants.packets(2_000, 1):
        try:
            decode_packet(packet)
            valid += 1
        except DecodeError as error:
            reasons.add(error.reason)
    assert valid > 100
    assert reasons >= {
        "address", "string", "utf8", "type", "size", "truncated", "bundle", "trailing"
    }  # fmt: skip


def test_mutated_packets_cause_no_exit_hang_or_growth(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")
    outcome = targets.flood_of_packets(mutants.packets(20_000, seed=1), seconds=50)
    assert outcome.packets == 20_000
    assert outcome.failures() == []


def test_hostile_patterns_stall_nothing() -> None:
    assert targets.hostile_bundles().failures() == []


def test_ever_changing_addresses_take_no_memory() -> None:
    assert targets.flood_of_addresses(50_000, seconds=50).failures() == []


def test_damaged_recordings_are_read_up_to_the_damage() -> None:
    outcome = targets.flood_of_recordings(mutants.packets(5_000, seed=1), seconds=50)
    assert outcome.packets == 5_000
    assert outcome.failures() == []
