"""What tests of a plugin find in its README, and errors of its configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

import oscbridge
from oscbridge.testing import PluginReadme, configuration_error

TEXT = """\
# Lamp

| key | default | what it is |
| --- | --- | --- |
| `device` | required | Where it is: `host:port`. |
| `delay` | `0.5` | Seconds \\| minutes. |
| `name` | none | |

Text.

```toml
[bridge.stage]
```

```sh
ls
```

```toml
[endpoint.lamp]
```
"""


class LampOptions(oscbridge.Options):
    device: str
    """Where it is."""
    delay: float = 0.5
    """Seconds."""
    name: str | None = None
    """What it is called."""


class OtherOptions(oscbridge.Options):
    allow: oscbridge.AllowList = oscbridge.AllowList()
    """Who may connect."""
    listen: oscbridge.HostPort = oscbridge.HostPort("127.0.0.1", 7)
    """Where to listen."""
    seconds: float = 2.0
    bare: int = 3
    """A number."""


@pytest.fixture
def readme(tmp_path: Path) -> PluginReadme:
    file = tmp_path / "README.md"
    file.write_text(TEXT)
    return PluginReadme(file)


def test_blocks_of_a_language_are_in_order(readme: PluginReadme) -> None:
    assert readme.blocks("toml") == ["[bridge.stage]\n", "[endpoint.lamp]\n"]
    assert readme.blocks("sh") == ["ls\n"]


def test_rows_of_a_table_are_found_by_their_names(readme: PluginReadme) -> None:
    rows = readme.rows("| key |")
    assert list(rows) == ["device", "delay", "name"]
    assert rows["delay"] == ["`delay`", "`0.5`", "Seconds \\| minutes."]
    assert rows["name"] == ["`name`", "none", ""]


def test_missing_table_is_named(readme: PluginReadme) -> None:
    with pytest.raises(AssertionError, match=r"no table begins with '\| colour \|'"):
        readme.rows("| colour |")


def test_table_with_all_options_is_accepted(readme: PluginReadme) -> None:
    readme.check_options("| key |", LampOptions)


def test_differences_between_table_and_options_are_listed(readme: PluginReadme) -> None:
    readme.text = readme.text.replace("`0.5`", "`5`").replace("| `name` | none", "| `nick` | none")
    with pytest.raises(AssertionError) as caught:
        readme.check_options("| key |", LampOptions, OtherOptions, defaults={"bare": "three"})
    assert str(caught.value).splitlines()[:10] == [
        "allow: the table has no such row",
        "bare: the table has no such row",
        "delay: the table has the default `5`, the model `0.5`",
        "listen: the table has no such row",
        "name: the table has no such row",
        "nick: no such option",
        "seconds: the option has no description",
        "seconds: the table has no such row",
    ]


def test_defaults_are_written_as_in_toml(readme: PluginReadme) -> None:
    rows = '| `allow` | `[]` | |\n| `listen` | `"127.0.0.1:7"` | |\n| `bare` | three | |\n'
    readme.text = f"\n| key | default | |\n| --- | --- | --- |\n{rows}| `seconds` | `2` | |\n"
    with pytest.raises(AssertionError) as caught:
        readme.check_options("| key |", OtherOptions, defaults={"bare": "three"})
    assert str(caught.value) == "seconds: the option has no description"


def test_error_of_an_invalid_configuration_is_returned() -> None:
    assert "test.toml: bridge.stage.lisen: unknown key" in configuration_error(
        "[bridge.stage]\nlisen = 1\n"
    )


def test_valid_configuration_has_no_error() -> None:
    with pytest.raises(AssertionError, match="the configuration is valid"):
        configuration_error("[bridge.stage]\n")
