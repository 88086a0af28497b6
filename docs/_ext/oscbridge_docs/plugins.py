"""The plugins of this repository."""

from __future__ import annotations

import tomllib

from oscbridge.plugins.manager import Plugins
from oscbridge_docs.links import ROOT
from oscbridge_docs.markdown import code, table

__all__ = ["plugins"]


def plugins() -> str:
    """A table of all plugins, with links to their pages in the same folder."""
    types = {each.distribution: each.endpoints for each in Plugins().plugins}
    rows = []
    for file in sorted(ROOT.glob("plugins/*/pyproject.toml")):
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        name, text = project["name"], project["description"]
        listed = " ".join(map(code, types.get(name, ())))
        rows.append((f"[{name}]({file.parent.name}.md)", listed, f"{text.rstrip('.')}."))
    return table(("plugin", "endpoint types", ""), rows)
