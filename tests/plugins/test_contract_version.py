"""A plugin for another version of the contract is refused, with what to install."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

import oscbridge
from oscbridge.plugins.manager import Plugin, Plugins

Install = Callable[..., None]
Load = Callable[[], dict[str, Plugin]]

LAMP = """
class Lamp(oscbridge.Endpoint):
    api = {api}
    async def send(self, message): pass

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"lamp": {offer}}}
"""
THIS = f"oscbridge {version('oscbridge')}"


@pytest.mark.parametrize("offer", ["Lamp", "'oscbridge_lamp:Lamp'"])
@pytest.mark.parametrize(
    ("api", "text"),
    [
        (2, "install a newer oscbridge: pip install --upgrade oscbridge"),
        (0, "install a newer oscbridge-lamp: pip install --upgrade oscbridge-lamp"),
    ],
)
def test_plugin_for_another_version_is_refused_in_one_line(
    install: Install,
    offer: str,
    api: int,
    text: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    install("lamp", LAMP.format(api=api, offer=offer))
    plugins = Plugins()
    dict(plugins.endpoint_types)
    (plugin,) = [each for each in plugins.plugins if each.name == "lamp"]
    expected = f"written for version {api} of the plugin contract, but {THIS} has version 1; {text}"
    assert expected in str(plugin.error)
    assert f"({tmp_path / 'oscbridge_lamp.py'}:3)" in str(plugin.error)
    assert len(caplog.records) == 1
    assert "\n" not in caplog.text.strip()


def test_plugin_for_this_version_works(install: Install, load: Load) -> None:
    install("lamp", LAMP.format(api=oscbridge.Endpoint.api, offer="Lamp"))
    assert load()["lamp"].error is None


def test_version_must_be_a_number(install: Install, load: Load) -> None:
    install("lamp", LAMP.format(api="'1'", offer="Lamp"))
    assert "Lamp.api must be a whole number, got '1'" in str(load()["lamp"].error)


def test_file_for_another_version_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "lamp.py").write_text("import oscbridge\n" + LAMP.format(api=0, offer="Lamp"))
    (tmp_path / "lamp.py").chmod(0o644)
    (plugin,) = Plugins([], tmp_path).plugins
    assert "install a newer lamp.py: update " in str(plugin.error)


@pytest.mark.parametrize(
    "code", ["class Lamp(oscbridge.Glowing): pass", "from oscbridge import Glowing"]
)
def test_missing_name_of_oscbridge_hints_at_the_version(
    install: Install, load: Load, code: str
) -> None:
    install("lamp", code)
    text = f"; this is {THIS}: the plugin may need another version, see its README"
    assert str(load()["lamp"].error).endswith(text)


def test_class_without_a_version_is_for_the_first_one(
    install: Install, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oscbridge.Endpoint, "api", 2)
    install("lamp", LAMP.format(api=2, offer="Lamp").replace("api = 2", ""))
    text = f"written for version 1 of the plugin contract, but {THIS} has version 2; install a new"
    assert text in str(load()["lamp"].error)
