"""Ends of routes from observed messages and known facts about addresses."""

from __future__ import annotations

from typing import Final

from oscbridge.address_space import Access, AddressInfo
from oscbridge.bridge.app import App
from oscbridge.contract.abilities import DescribesControls
from oscbridge.contract.control_facts import ControlFacts, ControlId
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.learning.candidates import Candidate
from oscbridge.learning.ends import RouteEnd
from oscbridge.learning.ranges import limits_of, tag_of
from oscbridge.osc import Message
from oscbridge.osc.pattern import is_pattern
from oscbridge.templates.message import MessageTemplate

__all__ = ["described_at", "end_at", "end_of", "find_known"]

MAX_TEXT: Final = 512
"""Characters of an address that is typed."""

ASSUMED: Final = "f"
"""The type of an address of which nothing is known."""


def end_of(found: Candidate, info: AddressInfo | None) -> RouteEnd:
    """The end for a control that was moved; ``info`` has the known facts about its address."""
    activity = found.activity
    facts = activity.facts if found.joined is None else found.joined.facts
    argument, tag = activity.argument, tag_of(activity.types, activity.argument)
    described = None if found.joined is not None or facts.control.leading else info
    return RouteEnd(
        activity.key.part,
        facts.control,
        activity.types,
        activity.args,
        argument,
        tag,
        limits_of(tag, argument, described, facts, activity.seen),
        facts.title,
        facts.release,
        found.mode,
        {} if found.joined is None else found.joined.options,
    )


def end_at(app: App, part: str, text: str) -> RouteEnd:
    """The end for an address that is typed. Raises :class:`ConfigurationError`."""
    message = _message(text)
    info = described_at(app, part, message.address)
    facts = _facts(app, part, message)
    if facts is not None:
        types, control = "" if facts.minimum is None else "i", facts.control
    else:
        types = ASSUMED if info is None or (info.ranges and not info.types) else info.types
        control = ControlId(message.address, message.args)
    tag = tag_of(types, 0)
    limits = limits_of(tag, 0, info if facts is None else None, facts, ()) if tag else None
    title = "" if facts is None else facts.title
    return RouteEnd(part, control, types, (), 0, tag, limits, title)


def described_at(app: App, part: str, address: str) -> AddressInfo | None:
    """The known facts about an address of a part: from its peer, or else from routes to it."""
    space = app.addresses
    found = [book.get(address) for book in (space.book(part), space.visible_to(part), space.known)]
    known = [each for each in found if each is not None]
    return next((each for each in known if each.types or each.ranges), known[0] if known else None)


def find_known(app: App, part: str, query: str) -> list[tuple[str, str]]:
    """Addresses that can be sent to a part, with human-readable facts, by words of a query."""
    words = query.lower().split()
    found: list[tuple[str, str]] = []
    runner = app.endpoints.get(part)
    if runner is not None and isinstance(runner.endpoint, DescribesControls):
        found += [(each, _title(app, part, each)) for each in runner.endpoint.control_examples]
    for info in app.addresses.book(part).values():
        if info.access & Access.WRITE:
            found.append((info.address, _info_text(info)))
    return [each for each in found if all(word in " ".join(each).lower() for word in words)]


def _title(app: App, part: str, text: str) -> str:
    facts = _facts(app, part, _message(text))
    return "" if facts is None else facts.title


def _info_text(info: AddressInfo) -> str:
    limits = limits_of(tag_of(info.types, 0) or "f", 0, info, None, ())
    parts = [f",{info.types}" if info.types else ""]
    if limits is not None and limits.origin != "assumed":
        parts.append(f"{limits.low:g} to {limits.high:g}")
    return "; ".join(filter(None, (*parts, info.description)))


def _facts(app: App, part: str, message: Message) -> ControlFacts | None:
    """What the endpoint says about a control whose value is missing."""
    runner = app.endpoints.get(part)
    if runner is None or not isinstance(runner.endpoint, DescribesControls):
        return None
    types = f"{message.types or ''}i"
    return runner.endpoint.control_of(Message(message.address, types, (*message.args, 0)))


def _message(text: str) -> Message:
    """The address and the values after it."""
    if not text.startswith("/") or len(text) > MAX_TEXT or is_pattern(text):
        raise ConfigurationError(f"{text[:MAX_TEXT]!r}: expected an address, e.g. /ch/1/fader")
    try:
        template = MessageTemplate(text)
        if template.placeholders:
            raise ConfigurationError(f"{text!r}: placeholders are not available here")
        return template.fill(Message("/", ""))
    except (ValueError, OSCBridgeError) as error:
        raise ConfigurationError(f"{text!r}: {error}") from None
