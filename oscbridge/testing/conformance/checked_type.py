"""What the rules of the conformance suite are applied to, and what the breaking of one raises."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

from oscbridge.bridge.config.error_messages import validate
from oscbridge.bridge.config.problem import ConfigProblem
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.options import Options
from oscbridge.failures import defined_at, failure_text
from oscbridge.testing.conformance.peer import Peer, PeerMissing
from oscbridge.toml_text import TomlTable

__all__ = ["CheckedType", "RuleFailed", "RuleNotRun"]


class RuleFailed(Exception):
    """The endpoint breaks a rule; the text says what, where, and how to fix it."""


class RuleNotRun(Exception):
    """The rule cannot be checked here; the text says why."""


@dataclass(frozen=True)
class CheckedType:
    """What the rules are applied to: a type of endpoints, with options and a peer."""

    endpoint: type[AnyEndpoint]
    type_name: str = "checked"
    """The name of the type in a configuration."""
    options: TomlTable = field(default_factory=dict)
    """Keys of ``[endpoint.NAME]``, beside those of the peer or ``Endpoint.example_options``."""
    peer: Callable[[], Peer] | None = None
    """Makes a peer; by default the class that ``Endpoint.example_peer`` names."""

    @property
    def has_peer(self) -> bool:
        """Whether there is a peer."""
        return self.peer is not None or bool(self.endpoint.example_peer)

    def new_peer(self) -> Peer | None:
        """A peer, not started; None if there is none. Raises :class:`RuleFailed`."""
        if self.peer is not None:
            return self.peer()
        path = self.endpoint.example_peer
        if not path:
            return None
        module, _, name = path.partition(":")
        try:
            made: object = getattr(importlib.import_module(module), name)()
        except PeerMissing as error:
            raise RuleNotRun(str(error)) from error
        except BaseException as error:
            text = f"{self.endpoint.__name__}.example_peer = {path!r}: {failure_text(error)}"
            raise RuleFailed(text) from error
        if not isinstance(made, Peer):
            raise RuleFailed(
                f"{self.endpoint.__name__}.example_peer = {path!r} must be a class derived from "
                f"oscbridge.testing.conformance.Peer, got {made!r}"
            )
        return made

    def table(self, peer: Peer | None) -> TomlTable:
        """The keys of an endpoint that leads to ``peer``."""
        own = self.endpoint.example_options if peer is None else peer.options
        return {**own, **self.options}

    def make_options(self, peer: Peer | None) -> Options:
        """Those keys as a model. Raises :class:`RuleFailed` if they are not valid."""
        problems: list[ConfigProblem] = []
        model = self.endpoint.options_type
        made = validate(problems, model, self.table(peer), ("endpoint", "checked"))
        if made is None:
            name, text = self.endpoint.__name__, "; ".join(map(str, problems))
            raise RuleFailed(
                f"no example to check: {text}; set {name}.example_options to keys with which an "
                f"endpoint can be made ({defined_at(self.endpoint)})"
            )
        return made
