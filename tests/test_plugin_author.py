"""The commands of docs/how-to/write-a-plugin.md, in an environment of their own."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest
from author_environment import author_environment
from plugin_pages import PluginPage

PAGE = PluginPage("how-to/write-a-plugin.md")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A virtual environment in which oscbridge and pytest are installed already."""
    return author_environment(tmp_path / "venv")


@pytest.mark.timeout(240)
def test_commands_of_the_page_lead_to_an_installed_plugin(
    environment: dict[str, str], tmp_path: Path
) -> None:
    script = "set -eux\n" + "".join(PAGE.of_language("sh"))
    result = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    shown = result.stdout + result.stderr
    assert result.returncode == 0, shown
    assert " passed" in shown
    assert "lamp 0.1.0\n  offers  endpoint type lamp\n" in shown
    assert "device: text; default" in shown
    assert "lamp::peer-loss PASSED" in shown
    assert list((tmp_path / "oscbridge-lamp" / "dist").glob("oscbridge_lamp-0.1.0-*.whl"))
    listed = subprocess.run(
        ["oscbridge", "plugins"], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    purelib = sysconfig.get_path("purelib", vars={"base": str(tmp_path / "venv")})
    assert f"from    {purelib}/oscbridge_lamp/__init__.py" in listed.stdout  # not the folder
