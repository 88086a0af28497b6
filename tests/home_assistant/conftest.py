"""The folder of the add-on for Home Assistant, and its programs."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docker" / "home-assistant"
sys.path.insert(0, str(FOLDER))
