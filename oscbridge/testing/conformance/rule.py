"""A rule of the conformance suite, and its result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from oscbridge.testing.conformance.checked_type import CheckedType
from oscbridge.testing.conformance.isolation import Outcome, run_isolated
from oscbridge.testing.conformance.run import RuleRun

__all__ = ["Rule", "RuleResult"]


@dataclass(frozen=True)
class RuleResult:
    """What a rule found."""

    rule: Rule
    outcome: Outcome
    text: str = ""
    """The problem, its place, and how to fix it; or why the rule was not run."""
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.rule.name}: {self.outcome}" + (f": {self.text}" if self.text else "")


@dataclass(frozen=True)
class Rule:
    """One rule of the contract."""

    name: str
    description: str
    """One line."""
    body: Callable[[RuleRun], Awaitable[None]] = field(repr=False)
    """Raises :class:`RuleFailed` or :class:`RuleNotRun`."""

    def __str__(self) -> str:
        return self.name

    def check(self, subject: CheckedType) -> RuleResult:
        """Apply the rule, on an event loop of its own. Never raises because of the plugin.

        Not to be called while an event loop runs.
        """
        outcome, text, seconds = run_isolated(self.body, subject)
        return RuleResult(self, outcome, text, seconds)
