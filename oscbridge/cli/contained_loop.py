"""Runs the bridge on an event loop that no callback of a plugin can end."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

from oscbridge.cli.forked_children import disown_in_children, end_child
from oscbridge.cli.guarded_tasks import guard_task_factories
from oscbridge.exit_guard import recursion_limit_kept
from oscbridge.failures import failure_text
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.monitoring.hidden_tasks import HiddenTasks

__all__ = ["run_contained"]

_LOOP: Final = (str(Path(__file__).parents[1]), str(Path(asyncio.__file__).parent))
"""Where the files of the bridge and of asyncio are."""

_log: Final = logging.getLogger(__name__)


def run_contained(
    main: Coroutine[object, object, None], loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Run a coroutine to its end, as ``asyncio.run`` does.

    asyncio leaves a loop when a callback or a task raises ``SystemExit`` or ``KeyboardInterrupt``,
    e.g. by ``sys.exit()`` in code of a plugin, or stops the loop. That is logged, and the loop
    continues. Of its tasks ``asyncio.all_tasks()`` lists only that of ``main``, which a plugin can
    cancel at any time. A plugin's task factory is removed when it fails, and the limit of
    recursion cannot be lowered.
    """
    reporter, hidden, process = RateLimitedLog(_log), HiddenTasks(), os.getpid()
    with asyncio.Runner(loop_factory=loop_factory) as runner, ExitStack() as stack:
        loop = runner.get_loop()
        task = loop.create_task(main)
        guard_task_factories(loop, hidden, _log.error)
        disown_in_children(loop)
        stack.callback(hidden.list_all)
        stack.enter_context(recursion_limit_kept())
        while True:
            try:
                loop.run_until_complete(task)
                return
            except (SystemExit, KeyboardInterrupt, RuntimeError) as error:
                if os.getpid() != process:
                    end_child()
                if task.done() or loop.is_closed():  # its own
                    raise
                error = error.with_traceback(_in_the_plugin(error.__traceback__))
                text = f"a callback or a task failed: {failure_text(error)}"
                if isinstance(error, RuntimeError):
                    text = "a plugin has stopped the event loop, which continues"
                reporter.report("callback", text, level=logging.ERROR, error=error)


def _in_the_plugin(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of the loop that called the plugin."""
    found = traceback
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_LOOP):
        found = found.tb_next
    return found or traceback
