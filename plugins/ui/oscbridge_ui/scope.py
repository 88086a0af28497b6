"""What a page may see: everything, or only some addresses and endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from oscbridge import AccessGrant, OSCBridgeError
from oscbridge_ui.now_messages import PartState, Problem
from oscbridge_ui.visibility import is_limited, may_reach

__all__ = ["PageScope"]

ASK: Final = "Ask the operator of the bridge."


class PageScope:
    """What the token of a page allows it to see.

    ``addresses`` of a token limit the messages, ``endpoints`` other than ``http`` the endpoints.
    A page with a limited token sees neither routes nor variables, nor the log: they show more.
    """

    def __init__(self, grant: AccessGrant) -> None:
        self.rights = grant.rights
        self.is_limited = is_limited(grant)
        self._grant = grant

    def require_unlimited(self) -> None:
        """Raise :class:`OSCBridgeError` if the token is limited."""
        if self.is_limited:
            text = "this token is limited to some addresses or endpoints, and may not do this"
            raise OSCBridgeError(text)

    # --- messages -----------------------------------------------------------------------------

    def sees_address(self, address: str) -> bool:
        """Whether it may see messages with this address, wherever they go."""
        return self.rights.addresses is None or self.rights.may_listen(address)

    def sees_message(self, name: str, address: str) -> bool:
        """Whether it may see a message that this bridge or endpoint receives or sends."""
        return self.sees_name(name) and self.sees_address(address)

    def visible(self, names: Iterable[str]) -> Sequence[str]:
        """Those of the names of bridges and endpoints that it may see."""
        return tuple(each for each in names if self.sees_name(each))

    def sees_name(self, name: str) -> bool:
        """Whether it may see this bridge or endpoint."""
        return may_reach(self._grant, name)

    # --- parts --------------------------------------------------------------------------------

    def part(self, part: PartState) -> PartState | None:
        """A part as the page sees it; None if it does not."""
        if not self.is_limited:
            return part
        if part.kind == "route" or not self.sees_name(part.name):
            return None
        # An unmatched address, or an error, may be about what it does not see.
        received = part.received.model_copy(update={"last_unmatched": ""})
        problem = "there is a problem" if part.problem else ""
        return part.model_copy(update={"received": received, "problem": problem})

    def problems(self, problems: Sequence[Problem]) -> Sequence[Problem]:
        """The problems of the parts that it sees, without what only the file's owner can do."""
        if not self.is_limited:
            return problems
        hidden = {"text": "", "fix": ASK, "code": "", "action": ""}
        return tuple(
            each.model_copy(update=hidden) for each in problems if self.sees_part(each.part)
        )

    def sees_part(self, part: str) -> bool:
        """Whether it may see the part with this id."""
        kind, _, name = part.partition(".")
        return not self.is_limited or (kind != "route" and self.sees_name(name))

    def ids(self, ids: Sequence[str]) -> Sequence[str]:
        """Those of the parts that it may see."""
        return tuple(filter(self.sees_part, ids))

    def links(self, links: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
        """Those of the pairs of names that it may see."""
        return tuple(pair for pair in links if all(map(self.sees_name, pair)))
