"""Finds plugins, loads and calls them one by one: a broken one is named, the rest run."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import pluggy

from oscbridge.bridge.endpoint import Endpoint, Options
from oscbridge.bridge.source import Source
from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import PluginError
from oscbridge.plugin import hookspecs

__all__ = ["Plugin", "Plugins"]

_log: Final = logging.getLogger(__name__)


@dataclass
class Plugin:
    """One entry point, and what came of it."""

    name: str
    """The entry point's name."""
    value: str
    """What it names: a module or an object."""
    distribution: str = ""
    version: str = ""
    location: str = ""
    """The file that the plugin was loaded from."""
    module: object = None
    hooks: list[str] = field(default_factory=list)
    endpoints: dict[str, type[Endpoint]] = field(default_factory=dict)
    error: PluginError | None = None
    """Why it cannot be used, if it cannot."""


class Plugins:
    """All plugins of the entry-point group ``oscbridge``, loaded.

    Nothing that a plugin does raises here: a broken plugin is left out, with the reason in
    :attr:`Plugin.error` and in the log.
    """

    def __init__(self, found: Iterable[EntryPoint] | None = None) -> None:
        if found is None:
            found = entry_points(group=hookspecs.PROJECT)
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.plugins = [self._load(point) for point in sorted(found, key=lambda p: p.name)]
        """All that were found, by name, broken ones included."""
        self._collect_endpoints()

    @property
    def working(self) -> list[Plugin]:
        """Those that can be used."""
        return [plugin for plugin in self.plugins if plugin.error is None]

    @property
    def endpoint_types(self) -> Mapping[str, type[Endpoint]]:
        """Endpoint classes by the name of their type."""
        return {
            name: factory for plugin in self.working for name, factory in plugin.endpoints.items()
        }

    def register_routes(self, dispatcher: Dispatcher, source: Source) -> None:
        """Let every plugin put its routes on the dispatcher of a source."""
        for plugin in self.working:
            self._call(plugin, "oscbridge_register_routes", dispatcher=dispatcher, source=source)

    def _load(self, point: EntryPoint) -> Plugin:
        plugin = Plugin(point.name, point.value)
        if point.dist is not None:
            plugin.distribution, plugin.version = point.dist.name, point.dist.version
        try:
            plugin.module = point.load()
        except (Exception, SystemExit) as error:
            return self._broken(plugin, f"cannot be imported: {error!r}")
        plugin.location = getattr(plugin.module, "__file__", None) or repr(plugin.module)
        try:
            self._manager.register(plugin.module, plugin.name)
        except Exception as error:
            # pluggy leaves a plugin that fails its checks half registered.
            self._manager.unregister(name=plugin.name)
            return self._broken(plugin, f"breaks a hook's contract: {error}")
        return self._check_names(plugin)

    def _check_names(self, plugin: Plugin) -> Plugin:
        """A misspelt hook is an error: it would never be called."""
        known = {name for name in dir(hookspecs) if name.startswith("oscbridge_")}
        for name in dir(plugin.module):
            options = self._manager.parse_hookimpl_opts(plugin.module, name)
            if options is None:
                continue
            hook = options.get("specname") or name
            if hook in known:
                plugin.hooks.append(hook)
                continue
            self._manager.unregister(name=plugin.name)
            near = difflib.get_close_matches(hook, known, 1)
            mend = f"did you mean {near[0]!r}?" if near else f"known hooks: {sorted(known)}"
            return self._broken(plugin, f"there is no hook {hook!r}; {mend}")
        return plugin

    def _collect_endpoints(self) -> None:
        owners: dict[str, str] = {}
        for plugin in self.working:
            offered = self._call(plugin, "oscbridge_endpoints")
            if offered is None:
                continue
            fault = _fault(offered)
            if fault:
                self._broken(plugin, f"oscbridge_endpoints: {fault}")
                continue
            assert isinstance(offered, Mapping)
            for name, factory in offered.items():
                owner = owners.setdefault(name, plugin.name)
                if owner != plugin.name:
                    self._broken(plugin, f"endpoint type {name!r} is offered by {owner!r} already")
                    break
                plugin.endpoints[name] = factory

    def _call(self, plugin: Plugin, hook: str, **arguments: object) -> object:
        """One plugin's answer to a hook, or None."""
        if hook not in plugin.hooks:
            return None
        others = [p.module for p in self.plugins if p is not plugin and p.module is not None]
        caller: Callable[..., list[object]] = self._manager.subset_hook_caller(hook, others)
        try:
            answers = caller(**arguments)
        except Exception as error:
            self._broken(plugin, f"{hook} raised {error!r}", error)
            return None
        return answers[0] if answers else None

    def _broken(self, plugin: Plugin, text: str, error: Exception | None = None) -> Plugin:
        plugin.error = PluginError(plugin.name, text)
        _log.error("%s", plugin.error, exc_info=error)
        return plugin


def _fault(offered: object) -> str:
    """What is wrong with the answer to ``oscbridge_endpoints``, if anything."""
    if not isinstance(offered, Mapping):
        return f"returns {offered!r}, not a dictionary of endpoint classes"
    for name, factory in offered.items():
        if not isinstance(name, str):
            return f"the type {name!r} is no text"
        if not (isinstance(factory, type) and issubclass(factory, Endpoint)):
            return f"the type {name!r} is {factory!r}, not a subclass of oscbridge.Endpoint"
        options: object = factory.Options
        if not (isinstance(options, type) and issubclass(options, Options)):
            return f"the Options of type {name!r} do not derive from oscbridge.Options"
    return ""
