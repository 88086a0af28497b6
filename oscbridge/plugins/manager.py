"""Finds plugins, loads and calls them one by one: a broken one is named, the rest run."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Final

from oscbridge.contract import hooks as hookspecs
from oscbridge.contract.importing import Importer, new_importers
from oscbridge.distributions import name_and_version, version, version_mismatch
from oscbridge.errors import PluginError
from oscbridge.exit_guard import exits_refused
from oscbridge.failures import failure_text, place_of
from oscbridge.plugins.endpoint_types import (
    EndpointTypeMap,
    OfferedType,
    UnusableType,
    import_type,
    problem_with_offer,
    stand_in,
    types_in_source,
)
from oscbridge.plugins.hook_calls import (
    Plugin,
    call_hook,
    hint_of_version,
    new_sites,
    place_of_hook,
    record_hooks,
    run_hook,
    source_of,
)
from oscbridge.plugins.slow_import import named_if_slow

if TYPE_CHECKING:  # a list of commands needs no endpoint
    from click import Group

    from oscbridge.contract.endpoint import AnyEndpoint
    from oscbridge.contract.source import Routes, Source
    from oscbridge.plugins.files import PluginFolder

__all__ = ["BUILT_IN", "Plugin", "Plugins"]

BUILT_IN: Final = (EntryPoint("osc", "oscbridge.endpoints.osc", hookspecs.PROJECT),)
"""The plugins that come with the bridge."""

_log: Final = logging.getLogger("oscbridge.plugins")


class Plugins:
    """The bridge's own plugins and all of the entry-point group ``oscbridge``, loaded.

    Then those of the files in ``folder``. Nothing that a plugin does raises here: a broken plugin
    is left out, with the reason in :attr:`Plugin.error` and in the log. Raises
    :class:`UntrustedFile` if ``folder`` cannot be read or trusted.
    """

    def __init__(
        self, found: Iterable[EntryPoint] | None = None, folder: Path | None = None
    ) -> None:
        built_in: Iterable[EntryPoint] = ()
        if found is None:
            built_in, found = BUILT_IN, entry_points(group=hookspecs.PROJECT)
        points = [*built_in, *sorted(found, key=lambda p: p.name)]
        self.plugins = [self._load(point) for point in points]
        """The bridge's own, then all that were found, by name, broken ones included."""
        self._folder: PluginFolder | None = None
        """The files as they were loaded."""
        if folder is not None:
            self._load_folder(folder)
        self.failures: dict[PluginError, Collection[str]] = {}
        """Failures of working plugins to register routes, each with the plugin's endpoint types."""
        self._collect_endpoints()

    @classmethod
    def for_configuration(cls, file: Path | None) -> Plugins:
        """All plugins that a configuration file can use. None stands for no file.

        Raises :class:`ConfigurationError` if the folder that it names cannot be used.
        """
        if file is None:
            return cls()
        from oscbridge.bridge.config.plugin_folder import folder_of

        return cls(folder=folder_of(file))

    @property
    def working(self) -> list[Plugin]:
        """Those that can be used."""
        return [plugin for plugin in self.plugins if plugin.error is None]

    def installed_since(self) -> list[str]:
        """The names of plugins that were installed since these were loaded."""
        known = {(plugin.name, plugin.value) for plugin in self.plugins}
        points = entry_points(group=hookspecs.PROJECT)
        return sorted({point.name for point in points if (point.name, point.value) not in known})

    def changed_files(self, folder: Path | None) -> list[str]:
        """The plugin files that have changed since these were loaded; ``folder`` is that of now.

        Raises :class:`UntrustedFile` if it cannot be read or trusted. Reads the files: may block.
        """
        if folder is None and self._folder is None:
            return []
        from oscbridge.plugins.files import PluginFolder

        return PluginFolder.read(folder).changed_since(self._folder or PluginFolder())

    @property
    def endpoint_types(self) -> EndpointTypeMap:
        """Endpoint classes by the name of their type.

        One that cannot be imported or used is a stand-in; from then on its plugin is broken.
        """
        working = self.working
        return EndpointTypeMap(
            {name: offered for plugin in working for name, offered in plugin.endpoints.items()}
        )

    @property
    def broken_types(self) -> EndpointTypeMap:
        """Stand-ins, by the names of the types that broken plugins would offer.

        What could not be loaded is assumed to offer the types that its source names, or the one
        that its entry point is named after.
        """
        known = self.endpoint_types
        return EndpointTypeMap(
            {
                name: stand_in(str(plugin.error))
                for plugin in self.plugins
                if plugin.error is not None
                for name in plugin.broken_types
                or types_in_source(plugin.location, plugin.value)
                or {plugin.name}
                if name not in known
            }
        )

    def register_routes(
        self, routes: Routes, source: Source
    ) -> Mapping[PluginError, Collection[str]]:
        """Let every plugin add routes that read from a source.

        What a plugin added before it raised stays; it is called again for the next source.
        Returns the failures, as in :attr:`failures`.
        """
        failures: dict[PluginError, Collection[str]] = {}
        for plugin in self.working:
            try:
                run_hook(plugin, "oscbridge_register_routes", routes=routes, source=source)
            except PluginError as error:
                cause = error.__cause__ if _log.hasHandlers() else None
                _log.error("source %r: %s", source.name, error, exc_info=cause)
                failures[error] = plugin.endpoints.keys()
        self.failures |= failures
        return failures

    def add_commands(self, cli: Group) -> None:
        """Let every plugin add its commands."""
        for plugin in self.working:
            try:
                run_hook(plugin, "oscbridge_commands", cli=cli)
            except PluginError as error:
                _log.error("%s", error, exc_info=error.__cause__)

    def importers(self) -> dict[str, Importer]:
        """Importers of all plugins by the name of their format; of duplicates the first."""
        found: dict[str, Importer] = {}
        for plugin in self.working:
            try:
                offered = call_hook(plugin, "oscbridge_importers")
                if offered is not None:
                    found |= new_importers(offered, found)
            except PluginError as error:
                _log.error("%s", error, exc_info=error.__cause__)
            except ValueError as error:
                _log.error("plugin %r: oscbridge_importers: %s", plugin.name, error)
        return found

    @cached_property
    def sites(self) -> dict[str, str]:
        """The sites of all plugins by name, as paths of their classes."""
        found: dict[str, str] = {}
        for plugin in self.working:
            try:
                offered = call_hook(plugin, "oscbridge_sites")
            except PluginError as error:
                _log.error("%s", error, exc_info=error.__cause__)
                continue
            if offered is not None:
                found |= new_sites(plugin, offered, found)
        return found

    def _load(self, point: EntryPoint) -> Plugin:
        plugin = Plugin(point.name, point.value)
        if point.dist is not None:
            plugin.distribution, plugin.version = name_and_version(point.dist)
            plugin.mismatch = version_mismatch(plugin.distribution, plugin.version)
            if plugin.mismatch:
                _log.warning("plugin %r: %s", plugin.name, plugin.mismatch)
        try:
            with exits_refused(), named_if_slow(plugin.name, _log):
                module = point.load()
        except BaseException as error:
            return self._not_imported(plugin, error)
        plugin.location = str(getattr(module, "__file__", None) or repr(module))
        if point in BUILT_IN:
            plugin.location, plugin.distribution = "built in", hookspecs.PROJECT
            plugin.version = version(hookspecs.PROJECT)
        return self._register(plugin, module)

    def _load_folder(self, folder: Path) -> None:
        from oscbridge.plugins.files import PluginFolder

        self._folder = PluginFolder.read(folder)
        self.plugins += [self._load_file(path) for path in self._folder.digests or ()]

    def _load_file(self, path: Path) -> Plugin:
        from oscbridge.bridge.config.plugin_folder import UntrustedFile
        from oscbridge.plugins.files import load_plugin_file

        plugin = Plugin(path.stem, str(path), location=str(path))
        for other in self.plugins:
            if other.name == plugin.name:
                owner = other.distribution or other.value
                return self._broken(plugin, f"{owner} has the same name; rename {path}")
        try:
            with exits_refused(), named_if_slow(plugin.name, _log):
                module = load_plugin_file(path)
        except UntrustedFile as error:
            return self._broken(plugin, str(error))
        except BaseException as error:
            return self._not_imported(plugin, error)
        plugin.version = str(getattr(module, "__version__", ""))
        return self._register(plugin, module)

    def _not_imported(self, plugin: Plugin, error: BaseException) -> Plugin:
        place = "" if place_of(error) else source_of(plugin.value)
        text = f"cannot be imported: {failure_text(error)}{place}{hint_of_version(error)}"
        return self._broken(plugin, text, error)

    def _register(self, plugin: Plugin, module: object) -> Plugin:
        """Find its hooks."""
        try:
            problem = record_hooks(plugin, module)
            if not problem:
                plugin.manager.register(module, plugin.name)
        except BaseException as error:
            problem = f"cannot be searched for hooks: {failure_text(error)}"
        return self._broken(plugin, problem) if problem else plugin

    def _collect_endpoints(self) -> None:
        owners: dict[str, Plugin] = {}
        for plugin in self.working:
            try:
                offered = call_hook(plugin, "oscbridge_endpoints")
            except PluginError as error:
                plugin.error = error
                _report(error, error.__cause__)
                continue
            if offered is None:
                continue
            try:
                problem = problem_with_offer(offered, plugin.distribution or plugin.value)
            except BaseException as error:
                problem = failure_text(error)
            if problem:
                if isinstance(offered, Mapping):
                    plugin.broken_types.update(name for name in offered if isinstance(name, str))
                self._broken(plugin, f"oscbridge_endpoints: {problem}{place_of_hook(plugin)}")
                continue
            assert isinstance(offered, Mapping)
            taken = [name for name in offered if name in owners]
            if taken:
                owner = owners[taken[0]]
                by = f"{owner.name!r} ({owner.distribution or owner.value})"
                self._broken(plugin, f"endpoint type {taken[0]!r} is offered by {by} already")
                continue
            plugin.endpoints = {name: self._offer(plugin, name, offered[name]) for name in offered}
            owners.update(dict.fromkeys(offered, plugin))

    def _offer(self, plugin: Plugin, name: str, offered: type[AnyEndpoint] | str) -> OfferedType:
        if isinstance(offered, type):
            return offered

        @cache
        def load() -> type[AnyEndpoint]:
            try:
                with exits_refused(), named_if_slow(plugin.name, _log):
                    return import_type(name, offered, plugin.distribution)
            except UnusableType as error:
                broken = self._broken(plugin, str(error))
            except BaseException as error:
                text = f"the type {name!r} cannot be imported: {failure_text(error)}"
                broken = self._broken(plugin, text, error)
            plugin.broken_types.add(name)
            return stand_in(str(broken.error))

        return load

    def _broken(self, plugin: Plugin, text: str, error: BaseException | None = None) -> Plugin:
        plugin.error = PluginError(plugin.name, text)
        _report(plugin.error, error)
        return plugin


def _report(problem: PluginError, cause: BaseException | None) -> None:
    """Log a problem; its traceback only if the log is set up: commands print just the text."""
    _log.error("%s", problem, exc_info=cause if _log.hasHandlers() else None)
