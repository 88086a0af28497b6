"""The control room of oscbridge: everything that flows, live in a browser."""

from __future__ import annotations

from collections.abc import Mapping

import oscbridge


@oscbridge.hookimpl
def oscbridge_sites() -> Mapping[str, str]:
    return {"ui": "oscbridge_ui.site:ControlRoom"}
