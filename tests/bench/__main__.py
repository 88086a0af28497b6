"""Measure oscbridge beside its peers, each pair in the same run: ``make bench``.

``make bench ARGS="drain"`` runs one section. Every figure is the median of several rounds;
every receiver runs in a process of its own.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

SECTIONS = (
    "start",
    "drain",
    "threads",
    "forks",
    "streams",
    "encode",
    "routes",
    "dashboards",
    "mqtt",
    "midi",
)


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    for name in sys.argv[1:] or SECTIONS:
        if name not in SECTIONS:
            sys.exit(f"no section {name!r}; there is: {', '.join(SECTIONS)}")
        import_module(name).report()


if __name__ == "__main__":
    main()
