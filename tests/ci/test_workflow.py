"""The workflows of GitHub: valid, and what they run exists here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CI = YAML(typ="safe", pure=True).load(ROOT / ".github" / "workflows" / "ci.yml")
VERSIONS = ["3.11", "3.12", "3.13", "3.14"]


def validate(*files: Path) -> subprocess.CompletedProcess[str]:
    """Check workflows by the schema that comes with check-jsonschema."""
    command = [sys.executable, "-m", "check_jsonschema"]
    command += ["--builtin-schema", "vendor.github-workflows", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True)


def steps() -> list[dict[str, Any]]:
    return [step for job in CI["jobs"].values() for step in job["steps"]]


def test_workflows_are_valid() -> None:
    done = validate(*FILES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("runs-on: ubuntu-24.04\n    timeout-minutes: 20\n", "timeout-minutes: 20\n"),
        ("      - run: make lint", "      - rum: make lint"),
        ("    strategy:\n", "    strategies:\n"),
    ],
)
def test_mistake_in_a_workflow_is_found(tmp_path: Path, before: str, after: str) -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert before in text
    file = tmp_path / "ci.yml"
    file.write_text(text.replace(before, after, 1))
    assert validate(file).returncode == 1


def test_three_systems_and_every_version_of_python_are_covered() -> None:
    matrices = [CI["jobs"][name]["strategy"]["matrix"] for name in ("linux", "desktop")]
    assert [matrix["python"] for matrix in matrices] == [VERSIONS, VERSIONS]
    systems = {each.split("-")[0] for each in matrices[1]["system"]}
    assert systems == {"macos", "windows"}
    bundled = {each.split("-")[0] for each in CI["jobs"]["bundle"]["strategy"]["matrix"]["system"]}
    assert bundled == {"ubuntu", "macos", "windows"}


def test_every_target_and_file_that_a_step_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    commands = [step["run"] for step in steps() if "run" in step]
    targets = {target for each in commands for target in re.findall(r"\bmake ([a-z-]+)", each)}
    assert targets == {"lint", "test", "docs", "dist"}
    if not (ROOT / "docs" / "conf.py").exists():
        targets.remove("docs")  # without a site
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    paths = {
        path
        for each in commands
        for path in re.findall(r"(?<!/)\b(?:tests|bundle|docker)/\S+", each)
    }
    assert paths
    for path in paths:
        assert (ROOT / path).exists(), path


def test_every_job_ends_and_every_action_has_a_version() -> None:
    for name, job in CI["jobs"].items():
        assert job["timeout-minutes"] <= 90, name
    for step in steps():
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]), step
