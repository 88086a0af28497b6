"""Names the plugins that may have caused an unexpected error."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from oscbridge.distributions import is_own
from oscbridge.errors import OSCBridgeError
from oscbridge.plugins.manager import Plugins

__all__ = ["suspects_named"]

_log: Final = logging.getLogger(__name__)


@contextmanager
def suspects_named(plugins: Plugins) -> Iterator[None]:
    """Log the plugins of others if an error that nobody expects ends the program.

    A plugin can replace any function of Python for the whole process (``json.dumps = None``): the
    traceback then shows the bridge, and not the plugin.
    """
    try:
        yield
    except Exception as error:
        others = [
            f"{each.name!r} ({each.location or each.value})"
            for each in plugins.plugins
            if not is_own(each.distribution)
        ]
        if others and not isinstance(error, OSCBridgeError | OSError):
            text = "an unexpected error ends the program; one of these plugins may cause it: %s"
            _log.critical(text, ", ".join(others))
        raise
