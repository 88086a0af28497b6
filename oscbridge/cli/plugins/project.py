"""The files of a new plugin project, made from the templates beside this module."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Mapping
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from oscbridge.bridge.config.plugin_packages import PACKAGES
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.errors import OSCBridgeError

__all__ = ["ProjectName", "project_files"]

MAX_NAME: Final = 40
"""Characters of a name."""

_NAME: Final = re.compile(rf"[a-z](?:[-_]?[a-z0-9]){{0,{MAX_NAME - 1}}}")
_PREFIX: Final = re.compile(r"oscbridge[-_]")
_PLACEHOLDER: Final = re.compile(r"@(\w+)@")
_TABLE: Final = re.compile(r"^\[(?:bridge|endpoint)\.(\w+)\]", re.MULTILINE)
_TESTING: Final = "recording"
"""The type of :mod:`oscbridge.testing`."""


class ProjectName:
    """What a plugin is called in each place, from one name such as ``smart-lamp``."""

    def __init__(self, name: str, taken: Collection[str] = ()) -> None:
        """Raises :class:`OSCBridgeError` for a name that cannot be used.

        ``taken`` are the names of plugins and of endpoint types that are installed.
        """
        if problem := _problem(name, taken):
            raise OSCBridgeError(f"plugin name {name!r}: {problem}")
        words = re.split("[-_]", name)
        self.distribution = f"oscbridge-{'-'.join(words)}"
        self.package = f"oscbridge_{'_'.join(words)}"
        self.type = "_".join(words)
        self.class_name = _class_name(name)
        self.title = " ".join(words).capitalize()

    def fill(self, template: str) -> str:
        """A template with this name in place of ``@type@`` and the other placeholders."""
        values = {
            "distribution": self.distribution,
            "package": self.package,
            "type": self.type,
            "TYPE": self.type.upper(),
            "Class": self.class_name,
            "Title": self.title,
            "oscbridge_version": version("oscbridge"),
        }
        return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def _class_name(name: str) -> str:
    return "".join(word.capitalize() for word in re.split("[-_]", name))


def _problem(name: str, taken: Collection[str]) -> str:
    if _PREFIX.match(name):
        return f"write it without 'oscbridge-', e.g. {_PREFIX.sub('', name) or 'lamp'!r}"
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        return (
            f"use up to {MAX_NAME} lower-case letters and digits, a letter first, "
            "with '-' between words"
        )
    key = name.replace("-", "_")
    if key in {each.replace("-", "_") for each in (*taken, *PACKAGES, _TESTING)}:
        return "a plugin or an endpoint type has this name already; choose another one"
    if key in {field.alias or each for each, field in RouteOptions.model_fields.items()}:
        return "a [[route]] has a key of this name, which its own keys need; choose another one"
    class_name = _class_name(name)
    if class_name.startswith("Test"):
        return f"pytest would take its class {class_name} for a test; choose another one"
    if hasattr(builtins, class_name) or class_name in _names_in_templates():
        return f"Python or the project uses the name {class_name} already; choose another one"
    if key in _names_in_examples():
        return "an example of the project has this name for another endpoint; choose another one"
    return ""


def _names_in_examples() -> set[str]:
    """The names of bridges and other endpoints in the configurations of a project."""
    texts = [template.read_text(encoding="utf-8") for template in _templates().values()]
    return {name for text in texts for name in _TABLE.findall(text)}


def _names_in_templates() -> set[str]:
    """The names that the modules of a project import or define, whatever it is called."""
    found: set[str] = set()
    for template in _templates().values():
        if template.name.endswith(".py.tmpl"):
            text = _PLACEHOLDER.sub("placeholder", template.read_text(encoding="utf-8"))
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ImportFrom):
                    found |= {each.asname or each.name for each in node.names}
                elif isinstance(node, ast.ClassDef):
                    found.add(node.name)
    return found


def project_files(name: ProjectName) -> Mapping[str, str]:
    """The content of each file, by its path in the project."""
    found = {
        name.fill(path): name.fill(template.read_text(encoding="utf-8"))
        for path, template in _templates().items()
    }
    return {**found, f"{name.package}/py.typed": ""}


def _templates() -> Mapping[str, Traversable]:
    """The template of each file, by its path in the project, with placeholders."""
    root = files(__package__) / "template"
    folders = {
        "": root,
        "@package@/": root / "package",
        "tests/": root / "tests",
        ".github/workflows/": root / "workflows",
    }
    return {
        f"{folder}{_file_name(each)}": each
        for folder, templates in folders.items()
        for each in sorted(templates.iterdir(), key=lambda each: each.name)
        if each.name.endswith(".tmpl")
    }


def _file_name(template: Traversable) -> str:
    name = template.name.removesuffix(".tmpl")
    return f".{name}" if name == "gitignore" else name
