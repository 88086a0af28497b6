"""``oscbridge plugins show`` and ``new``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from plugin_pages import run_mypy

from oscbridge.cli.plugins.project import ProjectName, project_files
from oscbridge.contract.option_docs import option_docs
from oscbridge.errors import OSCBridgeError
from oscbridge.plugins.manager import Plugins

Call = Callable[..., subprocess.CompletedProcess[str]]

TYPES = Plugins().endpoint_types


# --- show --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(TYPES))
def test_sample_of_every_type_passes_check(name: str, call: Call, tmp_path: Path) -> None:
    result = call("plugins", "show", name, "--sample")
    assert (result.returncode, result.stderr) == (0, "")
    (tmp_path / "sample.toml").write_text(result.stdout)
    checked = call("check", "sample.toml")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "valid" in checked.stdout


@pytest.mark.parametrize("name", list(TYPES))
def test_every_option_is_shown_with_its_help(name: str, call: Call) -> None:
    result = call("plugins", "show", name)
    assert (result.returncode, result.stderr) == (0, "")
    text = " ".join(result.stdout.split())
    models = [TYPES[name].options_type, TYPES[name].route_options_type]
    for model, key in [(each, key) for each in models if each for key in each.model_fields]:
        help_text = " ".join(option_docs(model)[key].replace("``", "`").split())
        assert f" {model.model_fields[key].alias or key}: " in text
        assert help_text
        assert help_text in text


def test_option_has_type_default_and_range(call: Call) -> None:
    lines = [line.strip() for line in call("plugins", "show", "osc").stdout.splitlines()]
    assert "to: text; required" in lines
    assert "queue: whole number from 1 to 10000000; default 10000" in lines
    assert 'policy: "drop_oldest", "latest", "block" or "spool"; default "drop_oldest"' in lines


def test_lists_are_plural_and_whole_limits_have_no_decimals(call: Call) -> None:
    lines = [line.strip() for line in call("plugins", "show", "artnet").stdout.splitlines()]
    assert "receive: list of whole numbers; default []" in lines
    assert "max_frame_rate: number from 1 to 44; default 44.0" in lines


def test_route_of_a_sample_selects_what_the_type_takes(call: Call) -> None:
    assert 'match = "/dmx/*/*"' in call("plugins", "show", "artnet", "--sample").stdout
    assert 'match = "*"' in call("plugins", "show", "osc", "--sample").stdout


def test_unknown_type_is_an_error_with_a_suggestion(call: Call) -> None:
    result = call("plugins", "show", "websockt")
    assert result.returncode == 2
    assert "unknown endpoint type 'websockt'; did you mean 'websocket'?" in result.stderr


def test_unknown_verb_is_an_error_with_a_suggestion(call: Call) -> None:
    result = call("plugins", "shwo")
    assert result.returncode == 2
    assert "unknown command 'shwo'; did you mean 'show'?" in result.stderr


# --- new ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "use up to 40 lower-case letters and digits, a letter first"),
        ("Lamp", "use up to 40 lower-case letters"),
        ("2lamp", "use up to 40 lower-case letters"),
        ("lamp--x", "use up to 40 lower-case letters"),
        ("lamp/x", "use up to 40 lower-case letters"),
        ("../lamp", "use up to 40 lower-case letters"),
        ("lamp\n", "use up to 40 lower-case letters"),
        ("a" * 41, "use up to 40 lower-case letters"),
        ("oscbridge-lamp", "write it without 'oscbridge-', e.g. 'lamp'"),
        ("mqtt", "a plugin or an endpoint type has this name already"),
        ("osc", "a plugin or an endpoint type has this name already"),
        ("recording", "a plugin or an endpoint type has this name already"),
        ("scale", "a [[route]] has a key of this name"),
        ("on-change", "a [[route]] has a key of this name"),
        ("none", "Python or the project uses the name None already"),
        ("rule", "Python or the project uses the name Rule already"),
        ("checked-type", "Python or the project uses the name CheckedType already"),
        ("device", "Python or the project uses the name Device already"),
        ("value-error", "Python or the project uses the name ValueError already"),
        ("exception", "Python or the project uses the name Exception already"),
        ("stage", "an example of the project has this name for another endpoint"),
        ("desk", "an example of the project has this name for another endpoint"),
        ("seen", "an example of the project has this name for another endpoint"),
        ("test-tone", "pytest would take its class TestTone for a test"),
    ],
)
def test_invalid_name_is_an_error(name: str, text: str, call: Call, tmp_path: Path) -> None:
    result = call("plugins", "new", name)
    assert result.returncode == 1
    assert text in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_not_overwritten(call: Call, tmp_path: Path) -> None:
    (tmp_path / "oscbridge-lamp").mkdir()
    result = call("plugins", "new", "lamp")
    assert result.returncode == 1
    assert "oscbridge-lamp exists already; remove it, or choose another name" in result.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["oscbridge-lamp"]


def test_project_is_written_completely(call: Call, tmp_path: Path) -> None:
    result = call("plugins", "new", "smart-lamp")
    assert (result.returncode, result.stderr) == (0, "")
    folder = tmp_path / "oscbridge-smart-lamp"
    made = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert made == set(project_files(ProjectName("smart-lamp")))
    assert made >= {
        *("pyproject.toml", "README.md", ".gitignore", ".github/workflows/test.yml"),
        *("oscbridge_smart_lamp/__init__.py", "oscbridge_smart_lamp/py.typed"),
    }
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    for path in folder.rglob("*.*"):
        if path.is_file():
            assert "@type@" not in path.read_text()


@pytest.mark.parametrize("name", ["lamp", "smart-lamp", "class", "x"])
def test_project_is_clean(name: str, tmp_path: Path) -> None:
    for path, text in project_files(ProjectName(name)).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    package = ProjectName(name).package
    result = run_mypy(tmp_path, package, "tests")
    assert result.returncode == 0, result.stdout
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--select=E,F,I,B,UP,RUF"], ["format", "--check"]):
        done = subprocess.run(
            [*ruff, *command, "--no-cache"], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout


def test_name_is_written_as_each_place_needs_it() -> None:
    name = ProjectName("smart-lamp2")
    assert (name.distribution, name.package, name.type, name.class_name, name.title) == (
        *("oscbridge-smart-lamp2", "oscbridge_smart_lamp2", "smart_lamp2"),
        *("SmartLamp2", "Smart lamp2"),
    )
    with pytest.raises(OSCBridgeError, match="has this name already"):
        ProjectName("smart-lamp", ["smart_lamp"])
