"""The process that lists the devices of this machine: drivers may block, or crash.

``python -m oscbridge.nearby.listing MODULE:CLASS`` prints a JSON object: ``devices`` or ``error``.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

from oscbridge.contract.abilities import FindsDevices
from oscbridge.errors import OSCBridgeError
from oscbridge.failures import failure_text

__all__ = ["listed"]


def listed(path: str) -> dict[str, Any]:
    """The devices that a class of endpoints lists, or why it cannot."""
    module, _, name = path.partition(":")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        assert issubclass(found, FindsDevices)
        devices = [vars(each) for each in found.local_devices()]
        return {"devices": devices}
    except OSCBridgeError as error:
        return {"error": str(error)}
    except BaseException as error:
        return {"error": failure_text(error)}


if __name__ == "__main__":
    answer = json.dumps(listed(sys.argv[1]), default=str)
    sys.stdout.write(f"\n{answer}\n")  # a driver may have printed something
