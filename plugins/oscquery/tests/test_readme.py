"""The README agrees with the code."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from programs import find_program

import oscbridge
from oscbridge.testing import check_configuration, free_port, running_bridge
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

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("sample", blocks("toml"))
def test_sample_configurations_are_valid(sample: str, tmp_path: Path) -> None:
    endpoints = check_configuration(sample, tmp_path)
    assert any(isinstance(options, OSCQueryOptions) for options in endpoints.values())


def default_of(name: str) -> str:
    default: Any = OSCQueryOptions.model_fields[name].get_default(call_default_factory=True)
    if isinstance(default, oscbridge.AllowList):
        return "`[]`"
    return "none" if default is None else f"`{json.dumps(default)}`"


@pytest.mark.parametrize("name", OSCQueryOptions.model_fields)
def test_table_lists_every_key_with_its_default(name: str) -> None:
    assert f"| `{name}` | {default_of(name)} |" in README


def test_table_lists_no_unknown_keys() -> None:
    table = README.partition("| key |")[2].partition("\n\n")[0]
    keys = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
    assert keys == set(OSCQueryOptions.model_fields)


def test_every_command_is_described() -> None:
    found = set(re.findall(r"^\| `oscbridge oscquery (\w+)", README, re.MULTILINE))
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
    assert text in README


async def test_first_steps_work_unchanged() -> None:
    port = str(free_port())
    configuration = blocks("toml")[0].replace(":9000", ":0").replace("9190", port)
    get, curl = blocks("sh")[1].replace("9190", port).splitlines()
    async with running_bridge(configuration):
        assert "/ch/01/mix/fader" in await _run(get, str(Path(sys.executable).parent))
        assert await _run(curl) == blocks("json")[0].strip()


async def _run(line: str, first: str = "") -> str:
    program, *args = shlex.split(line)
    process = await asyncio.create_subprocess_exec(
        find_program(program, first=first), *args, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()
