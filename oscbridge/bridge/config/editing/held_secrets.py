"""The secrets of one version of the files of a configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from oscbridge.bridge.config.problem import KeyPath

__all__ = ["HeldSecrets"]


@dataclass(frozen=True)
class HeldSecrets:
    """The secrets of one version of the files."""

    texts: dict[str, str] = field(default_factory=dict)
    """The secrets by the texts that are shown."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Texts of TOML as they are written, by the shown texts as they are written."""
    places: dict[str, set[KeyPath]] = field(default_factory=dict)
    """Where each secret is, by the text that is shown; without the numbers of routes."""

    def __len__(self) -> int:
        return len(self.texts)

    def add(self, other: HeldSecrets) -> None:
        """Add those of another version."""
        self.texts.update(other.texts)
        self.tokens.update(other.tokens)
        for shown, places in other.places.items():
            self.places.setdefault(shown, set()).update(places)

    def put(self, place: KeyPath, shown: str) -> None:
        """Note that a secret is at this place."""
        self.places.setdefault(shown, set()).add(_unnumbered(place))

    def is_at(self, place: KeyPath, shown: str) -> bool:
        """Whether a secret is at this place."""
        return _unnumbered(place) in self.places.get(shown, ())


def _unnumbered(place: KeyPath) -> KeyPath:
    return tuple(step for step in place if isinstance(step, str))
