"""One plugin: what it implements, and calls of its hooks."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from typing import Final

import pluggy

from oscbridge.contract import hooks as hookspecs
from oscbridge.contract.deprecations import warn_if_deprecated
from oscbridge.distributions import version
from oscbridge.errors import PluginError
from oscbridge.exit_guard import exits_refused
from oscbridge.failures import defined_at, failure_text
from oscbridge.plugins.endpoint_types import OfferedType
from oscbridge.suggestions import suggest

__all__ = [
    "Plugin",
    "call_hook",
    "hint_of_version",
    "new_sites",
    "place_of_hook",
    "record_hooks",
    "run_hook",
    "source_of",
]

_log: Final = logging.getLogger("oscbridge.plugins")

_PREFIX: Final = f"{hookspecs.PROJECT}_"

_REPLACED: Final = {"dispatcher": "use 'routes': routes.add(match, sink)"}
"""Former arguments of hooks, and their replacement."""


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
    mismatch: str = ""
    """Why its version does not fit that of the bridge; empty if it does."""
    manager: pluggy.PluginManager = field(default_factory=lambda: _new_manager(), repr=False)
    """One a plugin, so that no plugin's failure is another's."""


def call_hook(plugin: Plugin, hook: str, **arguments: object) -> object:
    """One plugin's answer to a hook, or None. Raises :class:`PluginError`."""
    if hook not in plugin.hooks:
        return None
    try:
        with exits_refused():
            answers: list[object] = getattr(plugin.manager.hook, hook)(**arguments)
    except BaseException as error:
        raise PluginError(plugin.name, f"{hook} failed: {failure_text(error)}") from error
    return answers[0] if answers else None


def run_hook(plugin: Plugin, hook: str, **arguments: object) -> None:
    """Call a hook that returns nothing. Raises :class:`PluginError`."""
    answer = call_hook(plugin, hook, **arguments)
    if answer is None:
        return
    text = f"{hook} must return nothing, got {answer!r}"
    if inspect.iscoroutine(answer):
        answer.close()  # else there is a warning, too
        text = f"{hook} must be 'def', not 'async def'"
    raise PluginError(plugin.name, f"{text} ({plugin.places.get(hook, plugin.location)})")


def _new_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def record_hooks(plugin: Plugin, module: object) -> str:
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
            hint = suggest(hook, specs, "known hooks")
            return f"unknown hook {hook!r}; {hint} ({plugin.places[name]})"
        plugin.hooks.append(hook)
        warn_if_deprecated(hook, getattr(module, name))
        known = inspect.signature(specs[hook]).parameters
        for argument, parameter in inspect.signature(getattr(module, name)).parameters.items():
            warn_if_deprecated(f"{hook}({argument})", getattr(module, name))
            if argument not in known and parameter.default is parameter.empty:
                hint = _REPLACED.get(argument) or suggest(argument, known)
                return f"{hook} has no argument {argument!r}; {hint} ({plugin.places[name]})"
    return ""


def hint_of_version(error: BaseException) -> str:
    """What to install if a plugin uses a name that the bridge does not have."""
    named = getattr(getattr(error, "obj", None), "__name__", getattr(error, "name", ""))
    if not isinstance(error, AttributeError | ImportError) or named != hookspecs.PROJECT:
        return ""
    has = f"{hookspecs.PROJECT} {version(hookspecs.PROJECT)}"
    return f"; this is {has}: the plugin may need another version, see its README"


def source_of(entry_point: str) -> str:
    """The file of a plugin, in brackets; empty if it is not found. Imports nothing of it."""
    try:
        spec = find_spec(entry_point.partition(":")[0])
    except (ImportError, ValueError):  # in a package that cannot be imported either
        return ""
    return f" ({spec.origin})" if spec is not None and spec.origin else ""


def place_of_hook(plugin: Plugin) -> str:
    place = plugin.places.get("oscbridge_endpoints")
    return f" ({place})" if place else ""


def new_sites(plugin: Plugin, offered: object, known: Mapping[str, str]) -> dict[str, str]:
    """The sites that a plugin offers and no other does; others are logged."""
    if not isinstance(offered, Mapping):
        text = "plugin %r: oscbridge_sites returns %r, not a dictionary of paths"
        _log.error(text, plugin.name, offered)
        return {}
    found = {}
    for name, path in offered.items():
        if name in known:
            text = "plugin %r: oscbridge_sites: another plugin has the name %r; its site is used"
            _log.error(text, plugin.name, name)
        elif isinstance(name, str) and isinstance(path, str) and EntryPoint.pattern.fullmatch(path):
            found[name] = path
        else:
            text = "plugin %r: oscbridge_sites: %r is %r; write it as 'package.module:Class'"
            _log.error(text, plugin.name, name, path)
    return found
