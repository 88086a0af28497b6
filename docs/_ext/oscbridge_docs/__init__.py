"""The extension of Sphinx that builds the manual: generated reference, and links of GitHub.

A page asks for generated text with a block ``{generated} NAME ARGUMENTS``. Nothing of that is
written to disk. Links are those of GitHub, relative to the file; the site has the same targets.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from oscbridge_docs.expand import expand
from oscbridge_docs.protocols import ui_protocol

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    ui_protocol()  # autodoc will add annotations to the models of pydantic, which it reads

    def read(app: Sphinx, name: str, source: list[str]) -> None:
        source[0] = expand(source[0], Path(app.env.doc2path(name)))

    def always_read(app: Sphinx, *_: object) -> list[str]:
        """The pages with generated text: what they are made of is not among their files."""
        pages = {name: Path(app.env.doc2path(name)) for name in app.env.found_docs}
        return [name for name, page in pages.items() if "{generated}" in page.read_text()]

    app.connect("source-read", read)
    app.connect("env-get-outdated", always_read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
