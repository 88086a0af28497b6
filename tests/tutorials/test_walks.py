"""The pages of docs/tutorials and docs/migration are followed word by word, with real peers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from author_environment import author_environment
from programs import find_program
from walked_pages import Block, Note, commands_of, read_page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WALK = ROOT / "tests/support/walk.py"
WALKED = {
    str(path.relative_to(DOCS)): path
    for path in (*DOCS.glob("tutorials/*.md"), *DOCS.glob("migration/*.md"), DOCS / "support.md")
    if path.name != "index.md"
}
PAGES = [
    *WALKED.values(),
    *(DOCS / folder / "index.md" for folder in ("tutorials", "migration")),
    DOCS / "comparison.md",
    DOCS / "how-to/shell-completion.md",
    ROOT / "SECURITY.md",
]
NAMES = [
    # XRuns of JACK lose messages when the processor is busy.
    pytest.param(name, marks=pytest.mark.load if "<!-- do jack -->" in page.read_text() else ())
    for name, page in WALKED.items()
]
INSTALLS = "installs packages"
DROPPED = ("PYTHONPATH", "PYTEST_ADDOPTS", "FORCE_COLOR", "COLUMNS", "DISPLAY")


def test_there_are_five_tutorials_and_six_migrations() -> None:
    folders = [name.partition("/")[0] for name in WALKED]
    assert folders.count("tutorials") >= 5
    assert folders.count("migration") >= 6


def not_run() -> Iterator[tuple[str, str, Block]]:
    """The name of the page, the reason and the block, of all blocks that are not run."""
    for name, page in WALKED.items():
        reason = ""
        for part in read_page(page.read_text()):
            if isinstance(part, Note):
                reason = part.words.removeprefix("run: ") if part.kind == "not" else reason
            elif reason:
                yield name, reason, part
                reason = ""


def test_commands_that_install_name_extras_that_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    blocks = [block for _, why, block in not_run() if why == INSTALLS]
    commands = [command for block in blocks for command in commands_of(block)]
    assert commands
    for command in commands:
        if command in ("python3 -m venv oscbridge-env", ". oscbridge-env/bin/activate"):
            continue
        found = re.fullmatch(r'pip install (?:oscbridge|"oscbridge\[([\w,]+)\]")', command)
        assert found, command
        assert not found[1] or set(found[1].split(",")) <= set(extras), command


def test_only_installations_and_parts_of_files_are_not_run() -> None:
    for name, reason, block in not_run():
        is_command = block.language == "sh"
        assert reason == INSTALLS or not is_command or "oscbridge tap" in block.text, (name, reason)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_of_the_page_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a new user: an empty home, and nothing that is set."""
    (tmp_path / "home").mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in DROPPED and not name.startswith(("XDG_", "OSCBRIDGE_"))
    }
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory(prefix="walk") as runtime:  # short: a socket's path is
        yield kept | {
            "HOME": str(tmp_path / "home"),
            "NODE_PATH": str(ROOT / "tests/js/node_modules"),
            "NO_COLOR": "1",
            "OSCBRIDGE_RUNTIME_DIR": runtime,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
        }


@pytest.mark.skipif(sys.platform != "linux", reason="a network of its own needs Linux")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_page_can_be_followed_word_by_word(
    name: str, environment: dict[str, str], tmp_path: Path
) -> None:
    if "pip install -e" in WALKED[name].read_text():
        authors = author_environment(tmp_path / "venv")
        # Without a network the packages that it needs must be there, as they are.
        environment |= {"PATH": authors["PATH"], "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    folder = tmp_path / "walk"
    folder.mkdir()
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    own = [*as_root, "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command = [find_program("unshare"), *own, sys.executable, str(WALK), str(WALKED[name])]
    done = subprocess.run(
        [*command, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        pytest.fail(done.stdout, pytrace=False)
