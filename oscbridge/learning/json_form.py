"""What a learning session knows, as JSON: for the control socket. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from oscbridge.learning.candidates import Candidate
from oscbridge.learning.ends import RouteEnd
from oscbridge.learning.proposal import Proposal
from oscbridge.learning.session import LearningState

__all__ = ["proposal_json", "state_json"]


def state_json(state: LearningState) -> Mapping[str, object]:
    """The state of a session."""
    return {
        "waiting_for": state.waiting_for,
        "listening": round(state.listening, 2),
        "candidates": [_candidate_json(each) for each in state.candidates],
        "ignored": state.ignored,
        "source": None if state.source is None else _end_json(state.source),
        "target": None if state.target is None else _end_json(state.target),
    }


def _candidate_json(found: Candidate) -> Mapping[str, object]:
    return {
        "key": str(found.key),
        "part": found.key.part,
        "address": found.text,
        "title": found.facts.title,
        "types": found.activity.types,
        "why": found.why,
        "share": round(found.share, 3),
        "is_moving": found.is_moving,
        "encoder": found.mode or "",
    }


def _end_json(end: RouteEnd) -> Mapping[str, object]:
    return {
        "part": end.part,
        "address": end.text,
        "title": end.title,
        "types": end.types,
        "range": "" if end.limits is None else end.limits.text,
        "encoder": end.mode or "",
    }


def proposal_json(proposal: Proposal) -> Mapping[str, object]:
    """The additions to the configuration."""
    return {
        "name": proposal.name,
        "routes": proposal.routes,
        "variables": proposal.variables,
        "options": proposal.options,
        "notes": proposal.notes,
        "toml": proposal.toml,
    }
