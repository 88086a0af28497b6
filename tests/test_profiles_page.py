"""docs/profiles.md: its configuration and its profile are valid, and it lists all profiles."""

from __future__ import annotations

import re
from pathlib import Path

from oscbridge.bridge.config.config import parse
from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.profiles.library import read_profile, shipped_profiles

PAGE = (Path(__file__).parent.parent / "docs/profiles.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_configuration_is_valid() -> None:
    configuration = parse(block("toml"), {"osc": OSCEndpoint}, "profiles.md")
    options = configuration.endpoints["desk"].options
    assert isinstance(options, OSCEndpoint.options_type)
    assert options.profile is not None


def test_profile_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "mydesk.toml"
    path.write_text(block("toml profile"))
    assert len(read_profile(path).addresses) == 18


def test_table_lists_the_profiles_with_their_devices() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?)(?:;.*)? \|$", PAGE, re.MULTILINE))
    titles = {name: read_profile(path).options.title for name, path in shipped_profiles().items()}
    del titles["template"], rows["template"]
    assert rows == titles
