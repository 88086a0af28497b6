"""What ``oscbridge run`` does."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import click

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import DEFAULT, Configuration, load, parse
from oscbridge.bridge.config.configuration_source import ConfigurationSource, saved_file
from oscbridge.bridge.config.plugin_folder import folder_of
from oscbridge.bridge.dry_run import without_sending
from oscbridge.bridge.tasks import run_until
from oscbridge.cli import fail
from oscbridge.cli.banner import banner
from oscbridge.cli.contained_loop import run_contained
from oscbridge.cli.ending import end_within
from oscbridge.cli.other_bridges import with_other_bridges
from oscbridge.cli.standard_streams import open_standard_streams
from oscbridge.cli.suspects import suspects_named
from oscbridge.cli.until_signal import exit_at_signals, hold_hangup, until_signal
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.failures import is_explained
from oscbridge.logs.guard import LogGuard
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.logs.setup import Form, configure_log
from oscbridge.monitoring.service import Service
from oscbridge.net.direct_readers import new_event_loop
from oscbridge.plugins.manager import Plugins

__all__ = ["built_in_text", "read_configuration", "run_bridge"]

STOP_TIMEOUT: Final = 2.0
"""Seconds of a shutdown, in addition to ``drain_timeout``, after which the process exits anyway."""

HANDLER_TIMEOUT: Final = 0.5
"""Seconds after a signal in which received messages are handled; the others are dropped. The
servers of bridges stop meanwhile. Those of endpoints have ``drain_timeout`` in addition."""

GC_THRESHOLD: Final = 10_000
"""New objects after which the garbage collector looks for cycles; Python's default is 700. Each
queued message is a few objects and no cycle: more often is a quarter of the CPU time of a burst."""

_log: Final = logging.getLogger(__name__)


def run_bridge(file: Path | None, form: Form, *, dry: bool, qr: bool, verbose: bool) -> None:
    """Run the bridge of a file until a signal.

    Raises :class:`OSCBridgeError` if it cannot start.
    """
    hold_hangup()
    exit_at_signals()
    guard = configure_log(logging.DEBUG if verbose else logging.INFO, form)
    if dry:
        _log.warning("dry run: nothing is sent")
    file = file or saved_file()
    plugins = Plugins.for_configuration(file)
    open_standard_streams()  # a plugin may have closed them
    guard.restore()
    with suspects_named(plugins):
        _run_file(file, plugins, guard, dry=dry, qr=qr)


def _run_file(file: Path | None, plugins: Plugins, guard: LogGuard, *, dry: bool, qr: bool) -> None:
    """Run the bridge until a signal. Raises :class:`OSCBridgeError` if it cannot start."""
    types = plugins.endpoint_types.with_fallbacks(plugins.broken_types)
    source = ConfigurationSource(file, built_in_text(plugins), types)

    def read(*, allow_broken: bool = False) -> Configuration:
        found = read_configuration(source.file, plugins, allow_broken=allow_broken)
        return without_sending(found) if dry else found

    configuration = read(allow_broken=True)
    gc.freeze()  # all modules are imported: no collection needs to visit them
    gc.set_threshold(GC_THRESHOLD)
    known = None
    if configuration.run.watch:
        known = source.used_files()
        with _only_errors():  # the warnings are logged already
            configuration = read(allow_broken=True)  # what changes from here on is noticed
    app = App(configuration, plugins, allow_broken=True)
    service = Service(
        *(app, read, source.name, source.used_files, known),
        changed_plugins=plugins.changed_files,
        sites=plugins.sites,
        plugins=plugins.plugins,
        source=source,
    )
    service.restorers.append(guard.restore)
    run_contained(_run(service, plugins, source, qr=qr), new_event_loop)


@contextmanager
def _only_errors() -> Iterator[None]:
    """Log no warnings meanwhile."""
    logger = logging.getLogger("oscbridge")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def read_configuration(
    file: Path | None, plugins: Plugins, *, allow_broken: bool = False, with_tests: bool = False
) -> Configuration:
    """The configuration of a file, or the built-in one without the plugins that are missing.

    Functions of routes can import modules from the directory of the file. ``allow_broken``
    accepts endpoints of broken plugins, which never connect; ``with_tests`` reads the tests too.
    """
    if file is not None:
        directory = str(file.resolve().parent)
        if directory not in sys.path:
            sys.path.insert(0, directory)
        types = plugins.endpoint_types.with_fallbacks(plugins.broken_types)
        try:
            return load(file, types, allow_broken=allow_broken, with_tests=with_tests)
        except ConfigurationError as error:
            if not (new := _new_plugins(plugins, file)):
                raise
            raise ConfigurationError("\n".join([str(error), *new])) from None
    return parse(built_in_text(plugins), plugins.endpoint_types, "built-in configuration")


def built_in_text(plugins: Plugins) -> str:
    """The built-in configuration without the plugins that are missing."""
    text = DEFAULT
    if "websocket" not in plugins.endpoint_types:
        text = text[: text.index("[endpoint")]
    if not plugins.sites:
        text = text[text.index("[bridge") :]
    return text


def _new_plugins(plugins: Plugins, file: Path) -> list[str]:
    """The plugins that only a restart can load, one line per kind."""
    changed: list[str] = []
    with suppress(OSCBridgeError):  # that of the folder is among the problems already
        changed = plugins.changed_files(folder_of(file))
    found = (("installed", plugins.installed_since()), ("changed", changed))
    return [
        f"{what} since the start, restart the bridge to use: {', '.join(names)}"
        for what, names in found
        if names
    ]


async def _run(
    service: Service, plugins: Plugins, source: ConfigurationSource, *, qr: bool
) -> None:
    app = service.app

    def end_in_time() -> None:
        drain, bridges = app.configuration.run.drain_timeout, app.configuration.bridges
        end_within(
            drain + STOP_TIMEOUT,
            (HANDLER_TIMEOUT, lambda: _abandon(app, bridges)),
            (drain + HANDLER_TIMEOUT, lambda: _abandon(app, app.endpoints)),
        )

    with until_signal(service.request_reload, end_in_time) as stop:
        service.restorers.append(stop.restore_handlers)
        try:
            if not await _to_the_end(run_until(service.start(), stop.wait())):
                if stop.is_set():
                    return  # it has closed everything that it had opened
                fail("a plugin has cancelled the start", 1)
            _say(banner(service, plugins, source.name, is_built_in=source.file is None))
            if qr:
                from oscbridge.cli.site_code import site_code

                _say(site_code(service.http))
            await _to_the_end(stop.wait())
            _say("stopping")
            await _to_the_end(service.stop())
        except OSCBridgeError as error:
            _log_bug(error)
            fail(await with_other_bridges(error), 1)  # now: the rest of the shutdown may be blocked
        finally:
            end_within(STOP_TIMEOUT)  # asyncio waits for threads of plugins


async def _to_the_end(work: Coroutine[object, object, bool | None]) -> bool | None:
    """Wait for some work. Nobody else may end the bridge: a plugin can cancel this task."""
    working, reporter = asyncio.create_task(work), RateLimitedLog(_log)
    while not working.done():
        try:
            await asyncio.wait([working])
        except asyncio.CancelledError:
            text = "a plugin has cancelled the bridge, which continues"
            reporter.report("cancelled", text, level=logging.ERROR)
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
    return working.result()


def _abandon(app: App, sources: Iterable[str]) -> None:
    """Handle no further message of these sources, from any thread."""
    for name in tuple(sources):
        if (dispatcher := app.dispatchers.get(name)) is not None:
            dispatcher.abandon()


def _log_bug(error: OSCBridgeError) -> None:
    """Log the traceback of what an error hides, with ``--verbose``, unless it is expected."""
    cause = error.__cause__
    if cause is not None and not is_explained(cause):
        _log.debug("the start failed", exc_info=cause)


def _say(text: str) -> None:
    """Print to a reader that may be gone: `oscbridge run | head -1`, or a full disk."""
    try:
        click.echo(text)
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())  # or flushing the rest fails when the interpreter exits
        os.close(null)
    except ValueError:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")  # a plugin has closed it
