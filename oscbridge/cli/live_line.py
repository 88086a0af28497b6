"""Progress of a long operation: one line in the terminal, redrawn regularly."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["live_line"]

REFRESH: Final = 4
"""Times per second that the line is redrawn."""

SWITCH_SECONDS: Final = 0.0005
"""Seconds by which drawing the line may delay a packet."""


@contextmanager
def live_line(state: Callable[[], RenderableType]) -> Iterator[None]:
    """Show a last line that is redrawn regularly, if the output is a terminal.

    ``state`` is called on another thread.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # imported only if the line is shown
    from rich.live import Live

    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        with Live(
            get_renderable=state,
            console=Console(stderr=True, highlight=False, markup=False),
            refresh_per_second=REFRESH,
            transient=True,
            redirect_stdout=False,
        ):
            yield
    finally:
        sys.setswitchinterval(interval)
