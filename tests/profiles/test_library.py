"""Profiles: the shipped ones, those beside a configuration, and mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from oscbridge.address_space import Access, AddressInfo, ValueRange
from oscbridge.errors import ConfigurationError
from oscbridge.profiles.library import find_profile, shipped_profiles
from oscbridge.profiles.profile import read_profile

SHIPPED = shipped_profiles()
MINIMAL = 'title = "My desk"\n'
GROUP = '[[group]]\nname = "g"\nstatus = "seen"\nsource = "my desk"\naddresses = [\n{}\n]\n'


def write(folder: Path, text: str, name: str = "desk.toml") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_shipped_profiles_are_those_that_the_readme_names() -> None:
    assert set(SHIPPED) == {
        "x32", "xair", "eos", "qlab", "abletonosc", "vrchat", "scsynth", "template",
    }  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_profile_is_valid_and_says_where_it_is_from(name: str) -> None:
    profile = read_profile(SHIPPED[name])
    assert profile.addresses
    assert all(group.source for group in profile.options.group)


@pytest.mark.parametrize("name", SHIPPED)
def test_values_of_a_simulated_device_fit_their_types_and_ranges(name: str) -> None:
    for info, entry in read_profile(SHIPPED[name]).entries():
        if entry.value is None:
            continue
        assert len(entry.value) == len(info.types), info
        for value, limits in zip(entry.value, info.ranges, strict=False):
            if limits is not None and limits.minimum is not None and limits.maximum is not None:
                assert limits.minimum <= float(value) <= limits.maximum, info


def test_profile_of_an_x32_has_a_fader() -> None:
    assert read_profile(SHIPPED["x32"]).addresses["/ch/07/mix/fader"] == AddressInfo(
        "/ch/07/mix/fader", "f", (ValueRange(0, 1),), "gain.db", Access.BOTH,
        "Fader of channel 7", ("channels",), "profile x32", "fader, -oo to 10 dB",
    )  # fmt: skip


def test_profile_for_vrchat_has_what_it_looks_for() -> None:
    addresses = read_profile(SHIPPED["vrchat"]).addresses
    for start in ("/avatar/", "/tracking/vrsystem/"):
        assert any(address.startswith(start) for address in addresses)


@pytest.mark.parametrize("place", ["desk.toml", "profiles/desk.toml"])
def test_user_profile_lies_beside_the_configuration(tmp_path: Path, place: str) -> None:
    path = write(tmp_path, MINIMAL, place)
    assert find_profile("desk", tmp_path) == path
    assert read_profile(path).name == "desk"


def test_user_profile_comes_before_a_shipped_one(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL, "profiles/x32.toml")
    assert find_profile("x32", tmp_path) == path


def test_configuration_with_the_name_of_a_device_is_not_taken_for_a_profile(tmp_path: Path) -> None:
    write(tmp_path, '[bridge.stage]\nlisten = "udp://127.0.0.1:0"\n', "x32.toml")
    assert find_profile("x32", tmp_path) == SHIPPED["x32"]


@pytest.mark.parametrize("name", ["x33", "", "../x32", "a/b", "x" * 65])
def test_unknown_profile_is_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="profile"):
        find_profile(name, tmp_path)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{ address = 'ch/1' }", "group.1.addresses.1.address = 'ch/1': an address must start"),
        ("{ address = '/ch/{4..1}' }", "the range {4..1} goes down; write {1..4}"),
        ("{ address = '/{1..200}/{1..200}' }", "means 40000 addresses; at most 20000"),
        ("{ address = '/a', types = 'q' }", "group.1.addresses.1.types = 'q'"),
        ("{ address = '/a', range = [1, 0] }", "expected two numbers, [lowest, highest]"),
        ("{ address = '/a', acces = 'read' }", "unknown key; did you mean 'access'?"),
        ("{ address = '/a', access = 'rw' }", "access = 'rw': expected 'read', 'write' or 'both'"),
        ("{ address = '/a' }, { address = '/{a,b}' }", "/a is described by '/a' already"),
        ("{ address = '/a', range = [nan, nan] }", "expected two numbers, [lowest, highest]"),
        ("{ address = '/a', range = [0, inf] }", "expected two numbers, [lowest, highest]"),
        ("{ address = '/a/*' }", "'/a/*' has an empty part, or one of the characters #"),
        ("{ address = '/a/{b,}/c' }", "'/a//c' has an empty part"),
        ("{ address = '/a/{name}' }", "'/a/{name}' has an empty part, or one of the characters"),
        ("{ address = '/a', query = '/b {0}' }", "placeholders are not available here"),
    ],
)
def test_mistake_in_a_profile_is_named_with_its_place(
    tmp_path: Path, entry: str, problem: str
) -> None:
    path = write(tmp_path, MINIMAL + GROUP.format(entry))
    with pytest.raises(ConfigurationError) as caught:
        read_profile(path)
    assert str(path) in str(caught.value)
    assert problem in str(caught.value)


def test_profile_has_a_limit_for_all_its_addresses(tmp_path: Path) -> None:
    entries = ",\n".join(f"{{ address = '/{n}/{{1..1000}}' }}" for n in range(21))
    with pytest.raises(ConfigurationError, match="has 21000 addresses; at most 20000"):
        read_profile(write(tmp_path, MINIMAL + GROUP.format(entries)))
