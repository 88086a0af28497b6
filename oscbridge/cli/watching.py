"""What ``oscbridge top`` does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import click
from rich.console import Console, ConsoleDimensions
from rich.live import Live

from oscbridge.bridge.tasks import run_until
from oscbridge.cli.top_view import HISTORY, Order, View, rates, view
from oscbridge.cli.until_signal import until_signal
from oscbridge.errors import OSCBridgeError
from oscbridge.monitoring.control_client import RunningProcess, choose
from oscbridge.monitoring.snapshots import Snapshot, snapshots

__all__ = ["watch"]

ROWS: Final = 100
"""Addresses that are requested: the busiest, and as many of the latest."""

PLAIN_WIDTH: Final = 140
"""Columns of a snapshot that is not printed to a terminal."""

MAX_KEYS: Final = 64
"""Bytes of keys that are read at once."""

HINT: Final = "q quits · s sorts by rate or by time"


def watch(file: Path | None, pid: int | None, *, once: bool, every: float) -> None:
    """Show the running bridge, every so many seconds or once.

    Raises :class:`OSCBridgeError` and :class:`click.UsageError`.
    """
    if not once and not sys.stdout.isatty():
        raise click.UsageError("the output is not a terminal; use --once to print one snapshot")
    asyncio.run(_top(file, pid, once, every))


async def _top(file: Path | None, pid: int | None, once: bool, every: float) -> None:
    with until_signal() as stop:
        process = await choose(pid, file)
        async with snapshots(process, every, ROWS) as coming:
            work = _print(process, coming) if once else _watch(process, coming, stop)
            await run_until(work, stop.wait())


async def _print(process: RunningProcess, coming: AsyncIterator[Snapshot]) -> None:
    """Print the second snapshot: the first has no rates."""
    before: Snapshot | None = None
    async for now in coming:
        if before is not None:
            width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
            console = Console(width=width, highlight=False)
            shown = View(process, now, before, [rates(now, before)], "rate", console.width, None)
            with console.capture() as drawn:
                console.print(view(shown))
            for line in drawn.get().splitlines():
                click.echo(line.rstrip())
            return
        before = now
    raise OSCBridgeError("the bridge has stopped")


async def _watch(
    process: RunningProcess, coming: AsyncIterator[Snapshot], stop: asyncio.Event
) -> None:
    """Draw every snapshot. Raises :class:`OSCBridgeError` when the bridge stops."""
    # The terminal knows its size; variables that a shell has exported may be outdated.
    sizes = ("COLUMNS", "LINES")
    environment = {name: each for name, each in os.environ.items() if name not in sizes}
    console = Console(highlight=False, _environ=environment)
    history: deque[tuple[float, float]] = deque(maxlen=HISTORY)
    shown: View | None = None
    order: Order = "rate"

    def draw() -> None:
        if shown is not None:
            # The size of the terminal itself: variables of a shell may be outdated.
            console.size = ConsoleDimensions(*os.get_terminal_size(sys.stdout.fileno()))
            live.update(
                view(shown._replace(order=order, width=console.width, height=console.height)),
                refresh=True,
            )

    def pressed(keys: bytes) -> None:
        nonlocal order
        if keys in (b"", b"q", b"Q", b"\x1b"):  # empty: the terminal is gone
            stop.set()
        elif keys in (b"s", b"S"):
            order = "recent" if order == "rate" else "rate"
            draw()

    with Live(console=console, screen=True, auto_refresh=False) as live, _keys(pressed, draw):
        before: Snapshot | None = None
        async for now in coming:
            if before is not None:
                history.append(rates(now, before))
            shown = View(process, now, before, list(history), order, 0, None, HINT)
            draw()
            before = now
    raise OSCBridgeError("the bridge has stopped")


@contextmanager
def _keys(pressed: Callable[[bytes], None], resized: Callable[[], None]) -> Iterator[None]:
    """Call ``pressed`` with typed keys, and ``resized`` when the size of the terminal changes."""
    if not sys.stdin.isatty():
        yield
        return
    import termios  # not on Windows
    import tty

    loop = asyncio.get_running_loop()
    terminal = sys.stdin.fileno()

    def read() -> None:
        try:
            keys = os.read(terminal, MAX_KEYS)
        except OSError:
            keys = b""
        if not keys:
            loop.remove_reader(terminal)
        pressed(keys)

    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        now = termios.tcgetattr(terminal)
        now[6][termios.VSUSP] = b"\0"  # Ctrl-Z would leave our screen in the shell
        termios.tcsetattr(terminal, termios.TCSADRAIN, now)
        loop.add_reader(terminal, read)
        loop.add_signal_handler(signal.SIGWINCH, resized)
        yield
    finally:
        with suppress(ValueError):
            loop.remove_reader(terminal)
        loop.remove_signal_handler(signal.SIGWINCH)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
