"""The examples that come with the bridge."""

from __future__ import annotations

from oscbridge.cli.example_library import shipped_examples
from oscbridge_docs.markdown import code, table

__all__ = ["examples"]


def examples() -> str:
    """A table of all examples."""
    rows = [
        (code(name), f"**{each.title}.** {each.summary} {each.needs}")
        for name, each in shipped_examples().items()
    ]
    return table(("example", ""), rows)
