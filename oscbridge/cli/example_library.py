"""The examples: folders with a configuration, its tests and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from oscbridge.errors import ConfigurationError
from oscbridge.suggestions import suggest

__all__ = ["CONFIGURATION", "Example", "find_example", "shipped_examples"]

CONFIGURATION: Final = "oscbridge.toml"
PAGE: Final = "README.md"

_PACKAGED: Final = Path(__file__).parents[1] / "example_files"
"""Where the wheel has them."""


class Example(NamedTuple):
    """A folder with an example."""

    name: str
    folder: Path

    @property
    def title(self) -> str:
        """The heading of its page."""
        return self._page().partition("\n")[0].removeprefix("# ")

    @property
    def summary(self) -> str:
        """The first paragraph of its page."""
        return self._page().split("\n\n")[1].strip()

    @property
    def needs(self) -> str:
        """What must be installed, as the second paragraph of its page says."""
        return self._page().split("\n\n")[2].strip()

    @property
    def configuration(self) -> str:
        """The text of its configuration."""
        return (self.folder / CONFIGURATION).read_text(encoding="utf-8")

    @property
    def files(self) -> list[Path]:
        """Its files, all at the top of the folder."""
        return sorted(path for path in self.folder.iterdir() if path.is_file())

    def _page(self) -> str:
        return (self.folder / PAGE).read_text(encoding="utf-8")


def shipped_examples() -> dict[str, Example]:
    """All examples by name: those of a source tree, if this is one, else those of the package."""
    tree = Path(__file__).parents[2]
    folder = tree / "examples" if (tree / "pyproject.toml").is_file() else _PACKAGED
    found = sorted(path.parent for path in folder.glob(f"*/{CONFIGURATION}"))
    return {each.name: Example(each.name, each) for each in found}


def find_example(name: str) -> Example:
    """The example of this name. Raises :class:`ConfigurationError`."""
    examples = shipped_examples()
    if name not in examples:
        raise ConfigurationError(f"{name!r}: unknown example; {suggest(name, examples)}")
    return examples[name]
