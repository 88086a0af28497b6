"""``oscbridge learn``"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from oscbridge.bridge.tasks import run_until
from oscbridge.cli.attaching import file_option, pid_option
from oscbridge.cli.until_signal import until_signal
from oscbridge.errors import OSCBridgeError
from oscbridge.logs.format import visible
from oscbridge.monitoring.control_client import RunningProcess, ask, choose

__all__ = ["command"]

_PROMPTS = {"source": "move the control", "target": "move the target"}


@click.command("learn")
@click.option("--to", "target", default="", metavar="NAME", help="The target is in this endpoint.")
@click.option(
    "--address",
    default="",
    metavar="ADDRESS",
    help='The address of the target, so that it need not be moved, e.g. "/control 1 7".',
)
@click.option("--both", is_flag=True, help="Propose the way back, too.")
@click.option("--name", default="", help="The name of the route.")
@file_option
@pid_option
def command(
    target: str, address: str, both: bool, name: str, file: Path | None, pid: int | None
) -> None:
    """Learn a route from a control and a target that are moved, and print it as TOML.

    Start it, wait a second, move the control, release it, then move the target. What sends by
    itself, such as a meter, is noted in that first second and ignored. The running bridge is not
    changed.

    \b
    Examples:
      oscbridge learn
      oscbridge learn --to synth --address "/control 1 7"
      oscbridge learn --both --name volume
    """
    request = {"target": target, "address": address, "both": both, "name": name}
    asyncio.run(_learn({"command": "learn", **request}, file, pid))


async def _learn(request: Mapping[str, object], file: Path | None, pid: int | None) -> None:
    with until_signal() as stop:
        process = await choose(pid, file)
        await run_until(_show(process, request), stop.wait())


async def _show(process: RunningProcess, request: Mapping[str, object]) -> None:
    """Show moved controls, then the route. Raises :class:`OSCBridgeError` if the bridge stops."""
    shown = ""
    async with ask(process.socket, request) as batches:
        async for batch in batches:
            for answer in batch:
                if "proposal" in answer:
                    _print_proposal(answer["proposal"])
                    return
                text = _progress(answer["learning"])
                if text != shown:
                    click.echo(text, err=True)
                    shown = text
    raise OSCBridgeError("the bridge has stopped")


def _progress(state: Mapping[str, Any]) -> str:
    """The next thing to do, and the moved controls."""
    if state["listening"]:
        return "listening to what sends by itself; move nothing yet"
    lines = []
    for role in ("source", "target"):
        if end := state[role]:
            title = f" ({end['title']})" if end["title"] else ""
            lines.append(f"{role}: {visible(end['part'])} {visible(end['address'])}{title}")
    prompt = _PROMPTS.get(state["waiting_for"] or "")
    if prompt is None:
        return "\n".join(lines)
    candidates = state["candidates"]
    resting = [each for each in candidates if not each["is_moving"]]
    if len(resting) > 1 and len(resting) == len(candidates):
        lines.append(f"not certain which control was moved; {prompt} again, more:")
        lines += [f"  {visible(each['key'])}: {visible(each['why'])}" for each in candidates[:5]]
    else:
        lines.append(click.style(prompt, bold=True))
    return "\n".join(lines)


def _print_proposal(proposal: Mapping[str, Any]) -> None:
    for note in proposal["notes"]:
        click.echo(f"# {visible(note)}")
    click.echo(f"\n{proposal['toml']}")
