"""The settings of Sphinx: ``make docs`` builds the manual, ``make docs-serve`` shows it."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

from oscbridge_docs.links import pages_without_source  # noqa: E402

project = "oscbridge"
author = "oscbridge contributors"
copyright = author
version = release = version_of("oscbridge")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "oscbridge_docs"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_ext", *pages_without_source()]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
smartquotes = False  # quotes belong to values
suppress_warnings = ["ref.python"]  # names of attributes, such as "type", in signatures

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
nitpicky = True
# Types in signatures are private, or of libraries; links between pages are checked.
nitpick_ignore_regex = [("py:.*", ".*")]

html_theme = "furo"
html_title = f"oscbridge {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "../plugins/ui/web/src/icon.svg"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b6b63",
        "color-brand-content": "#0b6b63",
        "color-brand-visited": "#5b4a8a",
    },
    "dark_css_variables": {
        "color-brand-primary": "#5fd3c4",
        "color-brand-content": "#5fd3c4",
        "color-brand-visited": "#b9a7e8",
    },
}
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = False
