"""Finds plugins, loads and calls them one by one: a broken one is named, the rest run."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final

import pluggy

from oscbridge import hooks as hookspecs
from oscbridge.errors import PluginError
from oscbridge.failures import defined_at, failure_text
from oscbridge.importing import Importer, new_importers
from oscbridge.installed import name_and_version, version
from oscbridge.plugin_types import (
    EndpointTypeMap,
    OfferedType,
    import_type,
    problem_with_offer,
    stand_in,
)
from oscbridge.suggestions import suggest

if TYPE_CHECKING:  # a list of commands needs no endpoint
    from click import Group

    from oscbridge.endpoint import AnyEndpoint
    from oscbridge.source import Routes, Source

__all__ = ["BUILT_IN", "Plugin", "Plugins"]

BUILT_IN: Final = (EntryPoint("osc", "oscbridge.endpoints.osc", hookspecs.PROJECT),)
"""The plugins that come with the bridge."""

_PREFIX: Final = f"{hookspecs.PROJECT}_"

_REPLACED: Final = {"dispatcher": "use 'routes': routes.add(match, sink)"}
"""Former arguments of hooks, and their replacement."""

_log: Final = logging.getLogger(__name__)


@dataclass
class Plugin:
    """One entry point, and the result of loading it."""

    name: str
    """The entry point's name."""
    value: str
    """What it names: a module or an object."""
    distribution: str = ""
    version: str = ""
    location: str = ""
    """The file that the plugin was loaded from; "built in" for the bridge's own."""
    hooks: list[str] = field(default_factory=list)
    """The hooks that it implements."""
    places: dict[str, str] = field(default_factory=dict, repr=False)
    """Where its hooks are defined."""
    endpoints: dict[str, OfferedType] = field(default_factory=dict)
    """Its endpoint types by name."""
    broken_types: set[str] = field(default_factory=set)
    """The endpoint types that it would offer, as far as that is known, if it cannot be used."""
    error: PluginError | None = None
    """Why it cannot be used, if it cannot."""
    manager: pluggy.PluginManager = field(default_factory=lambda: _new_manager(), repr=False)
    """One a plugin, so that no plugin's failure is another's."""


class Plugins:
    """The bridge's own plugins and all of the entry-point group ``oscbridge``, loaded.

    Nothing that a plugin does raises here: a broken plugin is left out, with the reason in
    :attr:`Plugin.error` and in the log.
    """

    def __init__(self, found: Iterable[EntryPoint] | None = None) -> None:
        built_in: Iterable[EntryPoint] = ()
        if found is None:
            built_in, found = BUILT_IN, entry_points(group=hookspecs.PROJECT)
        points = [*built_in, *sorted(found, key=lambda p: p.name)]
        self.plugins = [self._load(point) for point in points]
        """The bridge's own, then all that were found, by name, broken ones included."""
        self._collect_endpoints()

    @property
    def working(self) -> list[Plugin]:
        """Those that can be used."""
        return [plugin for plugin in self.plugins if plugin.error is None]

    def installed_since(self) -> list[str]:
        """The names of plugins that were installed since these were loaded."""
        known = {(plugin.name, plugin.value) for plugin in self.plugins}
        points = entry_points(group=hookspecs.PROJECT)
        return sorted({point.name for point in points if (point.name, point.value) not in known})

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

        What could not be loaded is assumed to offer the type that its entry point is named after.
        """
        known = self.endpoint_types
        return EndpointTypeMap(
            {
                name: stand_in(str(plugin.error))
                for plugin in self.plugins
                if plugin.error is not None
                for name in plugin.broken_types or {plugin.name}
                if name not in known
            }
        )

    def register_routes(self, routes: Routes, source: Source) -> None:
        """Let every plugin add routes that read from a source.

        What a plugin added before it raised stays; it is called again for the next source.
        """
        for plugin in self.working:
            try:
                _call(plugin, "oscbridge_register_routes", routes=routes, source=source)
            except PluginError as error:
                _log.error("source %r: %s", source.name, error, exc_info=error.__cause__)

    def add_commands(self, cli: Group) -> None:
        """Let every plugin add its commands."""
        for plugin in self.working:
            try:
                _call(plugin, "oscbridge_commands", cli=cli)
            except PluginError as error:
                _log.error("%s", error, exc_info=error.__cause__)

    def importers(self) -> dict[str, Importer]:
        """Importers of all plugins by the name of their format; of duplicates the first."""
        found: dict[str, Importer] = {}
        for plugin in self.working:
            try:
                offered = _call(plugin, "oscbridge_importers")
                if offered is not None:
                    found |= new_importers(offered, found)
            except PluginError as error:
                _log.error("%s", error, exc_info=error.__cause__)
            except ValueError as error:
                _log.error("plugin %r: oscbridge_importers: %s", plugin.name, error)
        return found

    def _load(self, point: EntryPoint) -> Plugin:
        plugin = Plugin(point.name, point.value)
        if point.dist is not None:
            plugin.distribution, plugin.version = name_and_version(point.dist)
        try:
            module = point.load()
        except BaseException as error:
            return self._broken(plugin, f"cannot be imported: {failure_text(error)}", error)
        plugin.location = str(getattr(module, "__file__", None) or repr(module))
        if point in BUILT_IN:
            plugin.location, plugin.distribution = "built in", hookspecs.PROJECT
            plugin.version = version(hookspecs.PROJECT)
        try:
            problem = _record_hooks(plugin, module)
            if not problem:
                plugin.manager.register(module, plugin.name)
        except BaseException as error:
            problem = f"cannot be searched for hooks: {failure_text(error)}"
        return self._broken(plugin, problem) if problem else plugin

    def _collect_endpoints(self) -> None:
        owners: dict[str, Plugin] = {}
        for plugin in self.working:
            try:
                offered = _call(plugin, "oscbridge_endpoints")
            except PluginError as error:
                plugin.error = error
                _log.error("%s", error, exc_info=error.__cause__)
                continue
            if offered is None:
                continue
            problem = problem_with_offer(offered)
            if problem:
                if isinstance(offered, Mapping):
                    plugin.broken_types.update(name for name in offered if isinstance(name, str))
                self._broken(plugin, f"oscbridge_endpoints: {problem}{_place_of_hook(plugin)}")
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
                return import_type(name, offered)
            except BaseException as error:
                plugin.broken_types.add(name)
                text = f"the type {name!r} cannot be imported: {failure_text(error)}"
                return stand_in(str(self._broken(plugin, text, error).error))

        return load

    def _broken(self, plugin: Plugin, text: str, error: BaseException | None = None) -> Plugin:
        plugin.error = PluginError(plugin.name, text)
        _log.error("%s", plugin.error, exc_info=error)
        return plugin


def _call(plugin: Plugin, hook: str, **arguments: object) -> object:
    """One plugin's answer to a hook, or None. Raises :class:`PluginError`."""
    if hook not in plugin.hooks:
        return None
    try:
        answers: list[object] = getattr(plugin.manager.hook, hook)(**arguments)
    except BaseException as error:
        raise PluginError(plugin.name, f"{hook} failed: {failure_text(error)}") from error
    return answers[0] if answers else None


def _new_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def _record_hooks(plugin: Plugin, module: object) -> str:
    """Record the hooks that a module implements. Returns the problem with them, or ``""``.

    A misspelt hook is an error: it would never be called.
    """
    specs = {name: value for name, value in vars(hookspecs).items() if name.startswith(_PREFIX)}
    for name in dir(module):
        options = plugin.manager.parse_hookimpl_opts(module, name)
        if options is None:
            value = getattr(module, name, None)
            if name in specs and inspect.isfunction(value):
                return f"{name} lacks @oscbridge.hookimpl ({defined_at(value)})"
            continue
        plugin.places[name] = defined_at(getattr(module, name))
        hook = options.get("specname") or name
        if hook not in specs:
            return f"unknown hook {hook!r}; {suggest(hook, specs, 'known hooks')}"
        plugin.hooks.append(hook)
        known = inspect.signature(specs[hook]).parameters
        for argument, parameter in inspect.signature(getattr(module, name)).parameters.items():
            if argument not in known and parameter.default is parameter.empty:
                if argument in _REPLACED:
                    return f"{hook} has no argument {argument!r}; {_REPLACED[argument]}"
                return f"{hook} has no argument {argument!r}; {suggest(argument, known)}"
    return ""


def _place_of_hook(plugin: Plugin) -> str:
    place = plugin.places.get("oscbridge_endpoints")
    return f" ({place})" if place else ""
