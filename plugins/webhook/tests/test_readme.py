"""The README agrees with the code."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

import pytest
from certificates import make_certificate
from programs import find_program

import oscbridge
from oscbridge.testing import PluginReadme, check_configuration, free_port, running_bridge
from oscbridge_webhook import client, history, incoming, streams
from oscbridge_webhook.options import WebhookOptions, WebhookRoute

README = PluginReadme(Path(__file__).parent.parent / "README.md")


@pytest.mark.parametrize("sample", README.blocks("toml"))
def test_sample_configurations_are_valid(
    sample: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOUSE_TOKEN", "Bearer secret")
    make_certificate(tmp_path, "hook")
    (tmp_path / "doorbell.token").write_text("a-secret-of-24-characters")
    endpoints = check_configuration(sample, tmp_path)
    assert any(isinstance(options, WebhookOptions) for options in endpoints.values())


@pytest.mark.parametrize(
    ("head", "model"), [("| key |", WebhookOptions), ("| key in a route |", WebhookRoute)]
)
def test_table_lists_every_key_with_its_default(head: str, model: type[oscbridge.Options]) -> None:
    README.check_options(head, model)


BOUNDS = [
    f"after {client.MIN_DELAY:g} s, then",
    f"up to {client.MAX_DELAY:g} s",
    f"`Retry-After`, up to {client.MAX_RETRY_AFTER:g} s",
    f"{client.MAX_REDIRECTS} times at most",
    f"at most {incoming.MAX_ARGUMENTS} arguments",
    f"at most {incoming.MAX_ADDRESS} characters",
    f"After {streams.HEARTBEAT:g} s without an event",
    f"and for {streams.KEEP_TIME:g} s after that",
    f"{history.MAX_HISTORY >> 20} MiB at most, are kept",
]


@pytest.mark.parametrize("text", BOUNDS)
def test_limits_in_the_text_are_those_of_the_code(text: str) -> None:
    assert text in README.text


async def test_first_steps_work_unchanged() -> None:
    port = str(free_port())
    configuration = README.blocks("toml")[0].replace("9000", "0").replace("8090", port)
    ring, look = README.blocks("sh")[1].replace("8090", port).splitlines()
    async with running_bridge(configuration) as bridge:
        await _run(ring)
        await bridge.until(lambda: bridge.endpoint_status("hook").sent == 1)
        assert await _run(look) == README.blocks("json")[0].strip()


async def _run(line: str) -> str:
    program, *args = shlex.split(line)
    process = await asyncio.create_subprocess_exec(
        find_program(program), "-sS", *args, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()
