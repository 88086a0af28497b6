"""Names of bridges, endpoints and routes."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["NAME", "NAME_RULE"]

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""A valid name."""

NAME_RULE: Final = "use up to 64 letters a-z, digits, '-' and '_'"
"""How to fix an invalid one."""
