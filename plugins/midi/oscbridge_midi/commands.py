"""``oscbridge midi``: list ports, learn controls."""

from __future__ import annotations

import queue
import shlex
import time
from collections.abc import Callable
from typing import Final, get_args

import click

from oscbridge_midi.learn import LearnedControl, learn, routes
from oscbridge_midi.port_names import choose
from oscbridge_midi.rtmidi_ports import BackendName, MidiBackend

__all__ = ["midi"]

COLLECT_TIME: Final = 0.4
"""Seconds for which the messages of a control are collected, so that both halves arrive."""

MAX_COLLECTED: Final = 10_000
"""The most messages that are collected."""

_backend: Final = click.option(
    "--backend",
    type=click.Choice(get_args(BackendName)),
    default="default",
    show_default=True,
    help="MIDI system.",
)


def _names(function: Callable[..., None]) -> Callable[..., None]:
    function = click.option(
        "--to", "endpoint", default="synth", show_default=True, help="MIDI endpoint."
    )(function)
    return click.option("--from", "source", default="stage", show_default=True, help="Bridge.")(
        function
    )


@click.group()
def midi() -> None:
    """List MIDI ports, learn controls.

    \b
    Examples:
      oscbridge midi ports
      oscbridge midi learn Launchpad
    """


@midi.command()
@_backend
def ports(backend: BackendName) -> None:
    """List the MIDI ports and their numbers."""
    system = MidiBackend(backend)
    try:
        for title, kind in (("outputs", "output"), ("inputs", "input")):
            names = system.names("output" if kind == "output" else "input")
            click.echo(click.style(title, bold=True) + ("" if names else "  none"))
            for number, name in enumerate(names):
                click.echo(f"  {number}  {name}")
    finally:
        system.close()


@midi.command("learn")
@click.argument("port")
@_backend
@_names
@click.option("--reverse", help="Endpoint to send the position of the control to.")
@click.option("--count", type=click.IntRange(min=1), help="Exit after this number of controls.")
def learn_command(
    port: str,
    backend: BackendName,
    source: str,
    endpoint: str,
    reverse: str | None,
    count: int | None,
) -> None:
    """Print a route for each control that is moved on PORT, until Ctrl-C.

    PORT is a name, a part of one, or a number. A 14-bit control is recognised as one control.
    """
    moved: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    system = MidiBackend(backend)
    try:
        name = choose(port, system.names("input"), "input")
        opened = system.open("input", name, callback=moved.put)
        try:
            click.echo(f"# move a control of {name!r}; press Ctrl-C to stop")
            seen: set[LearnedControl] = set()
            while count is None or len(seen) < count:
                control = learn(_collect(moved))
                if control is not None and control not in seen:
                    seen.add(control)
                    click.echo("\n" + "\n\n".join(routes(control, source, endpoint, reverse)))
        except KeyboardInterrupt:
            pass
        finally:
            opened.close_port()
            opened.delete()
    finally:
        system.close()


def _collect(moved: queue.SimpleQueue[bytes]) -> list[bytes]:
    """The next message, and those received within a moment after it."""
    collected = [moved.get()]
    deadline = time.monotonic() + COLLECT_TIME
    while len(collected) < MAX_COLLECTED:
        try:
            collected.append(moved.get(timeout=max(0.0, deadline - time.monotonic())))
        except queue.Empty:
            break
    return collected


@midi.command("import", hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def import_command(rest: tuple[str, ...]) -> None:
    """Moved to ``oscbridge import omm``."""
    raise click.UsageError(f"moved: run oscbridge import omm {shlex.join(rest)}".rstrip())
