"""The README agrees with the code."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from pathlib import Path

import pytest
from programs import find_program

from oscbridge.testing import PluginReadme, check_configuration, free_port, running_bridge
from oscbridge_oscquery import (
    changes,
    client_role,
    listeners,
    page_echoes,
    paths,
    tree_reader,
)
from oscbridge_oscquery.cli import oscquery
from oscbridge_oscquery.options import OSCQueryOptions

README = PluginReadme(Path(__file__).parent.parent / "README.md")


@pytest.mark.parametrize("sample", README.blocks("toml"))
def test_sample_configurations_are_valid(sample: str, tmp_path: Path) -> None:
    endpoints = check_configuration(sample, tmp_path)
    assert any(isinstance(options, OSCQueryOptions) for options in endpoints.values())


def test_table_lists_every_key_with_its_default() -> None:
    README.check_options("| key |", OSCQueryOptions)


def test_every_command_is_described() -> None:
    found = set(re.findall(r"^\| `oscbridge oscquery (\w+)", README.text, re.MULTILINE))
    assert found == set(oscquery.commands)


assert page_echoes.QUIET_TIME == page_echoes.ECHO_TIME == 1.0  # "the first", "the last second"

BOUNDS = [
    f"for more than {changes.MAX_COMMANDS} changes",
    f"up to {listeners.MAX_PATTERNS} per client",
    f"addresses up to {listeners.MAX_LISTENS:,}",
    f"the whole tree every {client_role.TREE_INTERVAL:g} s",
    f"more than {tree_reader.MAX_TREE >> 20} MiB, {tree_reader.MAX_NODES:,} nodes or "
    f"{paths.MAX_DEPTH} levels",
]


@pytest.mark.parametrize("text", BOUNDS)
def test_limits_in_the_text_are_those_of_the_code(text: str) -> None:
    assert text in README.text


async def test_first_steps_work_unchanged() -> None:
    port = str(free_port())
    configuration = README.blocks("toml")[0].replace(":9000", ":0").replace("9190", port)
    get, curl = README.blocks("sh")[1].replace("9190", port).splitlines()
    async with running_bridge(configuration):
        assert "/ch/01/mix/fader" in await _run(get, str(Path(sys.executable).parent))
        assert await _run(curl) == README.blocks("json")[0].strip()


async def _run(line: str, first: str = "") -> str:
    program, *args = shlex.split(line)
    process = await asyncio.create_subprocess_exec(
        find_program(program, first=first), *args, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()
