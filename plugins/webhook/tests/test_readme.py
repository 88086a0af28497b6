"""The README agrees with the code."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from certificates import make_certificate
from programs import find_program

import oscbridge
from oscbridge.testing import check_configuration, free_port, running_bridge
from oscbridge_webhook import client, incoming, streams
from oscbridge_webhook.options import WebhookOptions, WebhookRoute

README = (Path(__file__).parent.parent / "README.md").read_text()

TABLES: list[tuple[str, type[oscbridge.Options]]] = [
    ("| key |", WebhookOptions),
    ("| key in a route |", WebhookRoute),
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("sample", blocks("toml"))
def test_sample_configurations_are_valid(
    sample: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOUSE_TOKEN", "Bearer secret")
    make_certificate(tmp_path, "hook")
    (tmp_path / "doorbell.token").write_text("a-secret-of-24-characters")
    endpoints = check_configuration(sample, tmp_path)
    assert any(isinstance(options, WebhookOptions) for options in endpoints.values())


def default_of(model: type[oscbridge.Options], name: str) -> str:
    default: Any = model.model_fields[name].get_default(call_default_factory=True)
    if isinstance(default, oscbridge.AllowList):
        return "`[]`"
    return "none" if default is None else f"`{json.dumps(default)}`"


@pytest.mark.parametrize(
    ("head", "name", "default"),
    [
        (head, name, default_of(model, name))
        for head, model in TABLES
        for name in model.model_fields
    ],
)
def test_tables_list_every_key_with_its_default(head: str, name: str, default: str) -> None:
    table = README.partition(head)[2].partition("\n\n")[0]
    assert f"| `{name}` | {default} |" in table


@pytest.mark.parametrize(("head", "model"), TABLES)
def test_tables_list_no_unknown_keys(head: str, model: type[oscbridge.Options]) -> None:
    table = README.partition(head)[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(model.model_fields)


BOUNDS = [
    f"after {client.MIN_DELAY:g} s, then",
    f"up to {client.MAX_DELAY:g} s",
    f"`Retry-After`, up to {client.MAX_RETRY_AFTER:g} s",
    f"{client.MAX_REDIRECTS} times at most",
    f"at most {incoming.MAX_ARGUMENTS} arguments",
    f"at most {incoming.MAX_ADDRESS} characters",
    f"After {streams.HEARTBEAT:g} s without an event",
]


@pytest.mark.parametrize("text", BOUNDS)
def test_limits_in_the_text_are_those_of_the_code(text: str) -> None:
    assert text in README


async def test_first_steps_work_unchanged() -> None:
    port = str(free_port())
    configuration = blocks("toml")[0].replace("9000", "0").replace("8090", port)
    ring, look = blocks("sh")[1].replace("8090", port).splitlines()
    async with running_bridge(configuration) as bridge:
        await _run(ring)
        await bridge.until(lambda: bridge.endpoint_status("hook").sent == 1)
        assert await _run(look) == blocks("json")[0].strip()


async def _run(line: str) -> str:
    program, *args = shlex.split(line)
    process = await asyncio.create_subprocess_exec(
        find_program(program), "-sS", *args, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()
