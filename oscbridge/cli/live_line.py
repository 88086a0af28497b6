"""How far something is that takes long: one line in the terminal, drawn again and again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["live_line"]

REFRESH: Final = 4
"""How often a second the line in the terminal is drawn."""

SWITCH_SECONDS: Final = 0.0005
"""Seconds for which drawing that line may hold up a packet."""


@contextmanager
def live_line(state: Callable[[], RenderableType]) -> Iterator[None]:
    """In a terminal, a last line that is drawn again and again; elsewhere nothing.

    ``state`` is called on another thread.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # loaded where it is seen
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
