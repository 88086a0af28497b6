"""Checks a configuration without running it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.config.plugin_folder import folder_in
from oscbridge.contract.options import Options
from oscbridge.errors import ConfigurationError
from oscbridge.plugins.manager import Plugins

__all__ = ["check_configuration", "configuration_error"]


def check_configuration(text: str, directory: Path | None = None) -> Mapping[str, Options]:
    """Check a configuration, with the endpoint types of the installed plugins.

    Relative file names start at ``directory``. Returns the options of each endpoint by its name.
    Raises :class:`oscbridge.ConfigurationError` that lists every problem.
    """
    plugins = Plugins(folder=folder_in(text, (directory or Path()).absolute() / "test.toml"))
    types = plugins.endpoint_types
    configuration = parse(text, types, "test.toml", directory, with_tests=True)
    App(configuration, plugins)
    return {name: entry.options for name, entry in configuration.endpoints.items()}


def configuration_error(text: str, directory: Path | None = None) -> str:
    """The error of a configuration that is expected to be invalid, as ``oscbridge check`` shows it.

    The arguments are those of :func:`check_configuration`. Raises ``AssertionError`` if the
    configuration is valid.
    """
    try:
        check_configuration(text, directory)
    except ConfigurationError as error:
        return str(error)
    raise AssertionError("the configuration is valid")
