"""Every configuration and every command in the documentation is valid, on all pages.

Pages have further tests that run their examples. Here is the rule that no page can leave out.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from certificates import Certificate, make_certificate
from doc_pages import PAGES, Block, blocks, name_of

from oscbridge.bridge.config.config import parse
from oscbridge.bridge.config.json_schema import configuration_schema
from oscbridge.cli import cli
from oscbridge.plugins.endpoint_types import EndpointTypeMap
from oscbridge.plugins.manager import Plugins

LANGUAGES = {
    *("", "console", "cpp", "dockerfile", "html", "js", "json", "nginx", "python", "sh", "text"),
    *("toml", "toml profile", "yaml", "ini", "typescript"),
}
"""With any other name a block would be tested by nothing."""

DIRECTIVES = re.compile(r"\{(toctree|generated|figure|image|note|tip|warning|grid)\}.*")

OWN_TYPES = {
    "docs/how-to/write-a-plugin.md",
    "docs/tutorials/first-plugin.md",
    "docs/reference/plugin-contract.md",
}
"""Pages whose configurations use plugins of the page: they have tests of their own."""

FOUND = [(page, block) for page in PAGES for block in blocks(page.read_text("utf-8"))]
IDS = [f"{name_of(page)}-{number}" for number, (page, _) in enumerate(FOUND)]
SOURCE = '[bridge.{}]\nlisten = "udp://127.0.0.1:0"\n'
SINK = '[endpoint.{}]\ntype = "{}"\n'
REQUIRED = {
    "osc": 'to = "udp://127.0.0.1:9001"\n',
    "midi": 'output = "x"\n',
    "websocket": 'listen = "127.0.0.1:0"\n',
}


def of(*languages: str) -> pytest.MarkDecorator:
    chosen = [
        pytest.param(page, block, id=f"{name_of(page)}-{number}")
        for number, (page, block) in enumerate(FOUND)
        if block.language in languages
    ]
    assert chosen
    return pytest.mark.parametrize(("page", "block"), chosen)


@pytest.mark.parametrize(("page", "block"), FOUND, ids=IDS)
def test_block_has_a_known_language(page: Path, block: Block) -> None:
    assert block.language in LANGUAGES or DIRECTIVES.fullmatch(block.language)


# --- configurations ------------------------------------------------------------------------------


@of("toml")
def test_configuration_is_valid(
    page: Path,
    block: Block,
    certificate: Certificate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = tomllib.loads(block.text)
    if {"project", "build-system", "include"} & raw.keys() or name_of(page) in OWN_TYPES:
        return  # not a configuration, or one of several files
    if not any(isinstance(each, dict | list) for each in raw.values()):
        assert raw.keys() <= _all_keys(), "keys without a table that no table has"
        return
    for name, text in _modules(page).items():
        (tmp_path / name).write_text(text)
        monkeypatch.delitem(sys.modules, Path(name).stem, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    _make_files(raw, tmp_path, certificate)
    for name in re.findall(r'env = "(\w+)"', block.text):
        monkeypatch.setenv(name, "a-secret-of-some-length")
    parse(
        _parts_around(raw) + block.text,
        _endpoint_types(),
        "page.toml",
        tmp_path,
        with_tests=True,
    )


@cache
def _endpoint_types() -> EndpointTypeMap:
    return Plugins().endpoint_types


@cache
def _all_keys() -> frozenset[str]:
    """The keys of all tables of a configuration."""
    definitions = configuration_schema(_endpoint_types())["$defs"].values()
    return frozenset(key for each in definitions for key in each.get("properties", ()))


def _modules(page: Path) -> dict[str, str]:
    """The modules of a page: blocks that begin with their name."""
    found = {}
    for language, text in blocks(page.read_text("utf-8")):
        if language == "python" and (named := re.match(r"# (\w+\.py)\n", text)):
            found[named[1]] = text
    return found


def _parts_around(raw: dict[str, Any]) -> str:
    """Bridges and endpoints that an excerpt of a configuration names and does not have."""
    known = raw.get("bridge", {}).keys() | raw.get("endpoint", {}).keys()
    sources, sinks = dict[str, str](), dict[str, str]()
    for route in raw.get("route", []):
        kind = next((name for name in ("midi", "mqtt") if name in route), "osc")
        sources |= dict.fromkeys(_names(route.get("from")), "")
        sinks |= dict.fromkeys(_names(route.get("to")), kind)
    for token in raw.get("token", []):
        sinks |= dict.fromkeys(set(_names(token.get("endpoints"))) - {"http"}, "websocket")
    text = "".join(SOURCE.format(name) for name in sources if name not in {*known, *sinks})
    for name, kind in sinks.items():
        if name not in known:
            text += SINK.format(name, kind) + REQUIRED.get(kind, "")
    return text if text or known else SOURCE.format("stage")


def _names(value: object) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [str(value)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "stage")


def _make_files(raw: object, folder: Path, certificate: Certificate) -> None:
    """The files that a configuration names: secrets, certificates, and folders of pages."""
    if isinstance(raw, list):
        for each in raw:
            _make_files(each, folder, certificate)
    if not isinstance(raw, dict):
        return
    for key, value in raw.items():
        if key in ("certificate", "ca"):
            shutil.copy(certificate.certificate, folder / value)
        elif key == "key":
            shutil.copy(certificate.key, folder / value)
        elif key == "files":
            (folder / value).mkdir()
        elif key == "file":
            (folder / value).write_text(f"a-secret-in-{value}")
        else:
            _make_files(value, folder, certificate)


@of("json")
def test_json_is_valid(page: Path, block: Block) -> None:
    json.loads(block.text)


@of("python")
def test_python_is_valid(page: Path, block: Block) -> None:
    is_part = re.match(r"(#.*\n)? {4}", block.text)  # of a class
    text = f"class Part:\n{block.text}" if is_part else block.text
    compile(text, name_of(page), "exec")


# --- commands ------------------------------------------------------------------------------------


NOT_COMMANDS = {
    *("folder", "login"),  # of the program without Python
    "help",  # an error that names what to type instead
    "mu",  # before the Tab key
    "pairs",  # of a plugin that the page writes
}
"""First words after ``oscbridge`` that pages have for other reasons."""

COMMANDS = [
    (page, line.strip())
    for page, block in FOUND
    if block.language in ("sh", "console")
    for line in block.text.replace("\\\n", " ").splitlines()
    if re.match(r"(\$ )?(\S*/bin/)?oscbridge( |$)", line.strip())
]


@pytest.mark.parametrize(
    ("page", "line"), COMMANDS, ids=[f"{name_of(page)}-{line}" for page, line in COMMANDS]
)
def test_command_exists_with_these_options(
    page: Path, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = re.split(r" (?:\||>|&&|<) ?", line.removeprefix("$ "))[0]
    args = shlex.split(line, comments=True)[1:]
    for arg in args:
        if re.fullmatch(r"[\w.-]+\.[a-z]+", arg):
            (tmp_path / arg).touch()
    if args not in (["--version"], ["--help"]):
        _resolve(cli, "oscbridge", args)


def _resolve(command: click.Command, name: str, args: list[str]) -> None:
    """Read the arguments as the program does. Raises ``click.UsageError``."""
    context = command.make_context(name, list(args))
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        if rest:
            found, child, more = command.resolve_command(context, rest)
            assert child is not None
            assert found is not None
            _resolve(child, found, more)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_command_in_a_sentence_exists(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for words in re.findall(r"`oscbridge ([^`]*)`", text):
        command: click.Command | None = cli
        for word in words.split():
            is_name = re.fullmatch(r"[a-z][a-z-]*", word) is not None
            if not isinstance(command, click.Group) or not is_name or word in NOT_COMMANDS:
                break
            command = command.get_command(click.Context(command), word)
            assert command is not None, f"oscbridge {words}"


def test_commands_were_found() -> None:
    assert len(COMMANDS) > 100
