"""docs/reference/profiles.md: its configuration and its profile are valid."""

from __future__ import annotations

import re
from pathlib import Path

from oscbridge.bridge.config.config import parse
from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.profiles.profile import read_profile

PAGE = (Path(__file__).parent.parent / "docs/reference/profiles.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_configuration_is_valid() -> None:
    configuration = parse(block("toml"), {"osc": OSCEndpoint}, "page.toml")
    options = configuration.endpoints["desk"].options
    assert isinstance(options, OSCEndpoint.options_type)
    assert options.profile is not None


def test_profile_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "mydesk.toml"
    path.write_text(block("toml profile"))
    assert len(read_profile(path).addresses) == 18
