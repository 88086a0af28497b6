"""Measure oscbridge and its peers, each pair in the same run: ``make bench``.

``make bench ARGS="drain"`` runs one section. Every figure is the median of several rounds;
every receiver runs in its own process.

``--figures`` measures oscbridge alone, once, and prints JSON: what ``make bench-compare`` reads.
``--write`` measures what docs/explanation/performance.md shows, and writes its tables and that of
README.md.
``--also PYTHON`` measures start and memory with another interpreter as well.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from importlib import import_module

import harness
from figures import SECTIONS
from page import write


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--figures", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--also", metavar="PYTHON", action="append", default=[])
    options = parser.parse_args()
    harness.OTHER_PYTHONS += options.also
    if options.write:
        write()
        return
    for name in options.sections:
        if name not in SECTIONS:
            sys.exit(f"unknown section {name!r}; available: {', '.join(SECTIONS)}")
    for name in options.sections or SECTIONS:
        section = import_module(name)
        if options.figures:
            print(json.dumps([asdict(figure) for figure in section.figures()]), flush=True)
        else:
            section.report()


if __name__ == "__main__":
    main()
