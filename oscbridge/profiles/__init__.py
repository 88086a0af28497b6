"""Device profiles: what a device understands, and what it needs to answer. Data, not code."""

from __future__ import annotations
