"""The model of a test: every key with its type, its default and its meaning."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from oscbridge.contract.options import Options

__all__ = ["CaseOptions", "ExpectOptions", "SendOptions", "split_endpoint"]

MAX_NAME: Final = 200
"""Characters of the name of a test."""

MAX_MESSAGES: Final = 1_000
"""Messages under each key of a test."""

MAX_TIME: Final = 86_400
"""The latest time of a message, in seconds."""

YEARS: Final = range(1971, 9_999)
"""The years in which a test may start: all computers know their local time."""


def _name(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError('expected a name in one line, e.g. "a press fires the cue once"')
    return value


def _sent(value: object) -> object:
    """The tables of sent messages: a text is the message."""
    messages = _list(value)
    if not messages:
        raise ValueError('expected at least one message, e.g. "/1/fader3 0.5"')
    return [{"message": each} if isinstance(each, str) else each for each in messages]


def _expected(value: object) -> object:
    """The tables of expectations: a text is the endpoint and the message."""
    return [split_endpoint(each) if isinstance(each, str) else each for each in _list(value)]


def _texts(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise ValueError('expected an endpoint in quotes, or a list: ["web", "synth /reset"]')
    return texts


def _list(value: object) -> list[object]:
    if not isinstance(value, str | dict | list) or not all(
        isinstance(each, str | dict) for each in (value if isinstance(value, list) else ())
    ):
        raise ValueError("expected a message in quotes, or a list of messages")
    return list(value) if isinstance(value, list) else [value]


def split_endpoint(text: str) -> dict[str, Any]:
    """``to`` and ``message`` of the text ``ENDPOINT MESSAGE``."""
    to, *message = text.split(maxsplit=1)[:2] or [""]
    return {"to": to, "message": "".join(message)}


def _date(value: object) -> object:
    if not isinstance(value, datetime) or value.year not in YEARS:
        text = "expected a date and time without quotes, e.g. 2026-12-31T23:59:00"
        raise ValueError(f"{text}, in the years {YEARS[0]} to {YEARS[-1]}")
    return value


_Time: TypeAlias = Annotated[float | None, Field(ge=0, le=MAX_TIME, allow_inf_nan=False)]


class SendOptions(Options):
    """``{ at = 0.5, message = "/a 0", from = "desk" }``: a message that a test sends."""

    message: str
    """The message, e.g. ``/1/fader3 0.5`` or ``/1/fader3 ,f 0.5``."""
    at: _Time = None
    """Seconds since the start of the test; by default the time of the message before it, or 0."""
    source: Annotated[str | None, Field(alias="from")] = None
    """The bridge or endpoint that it comes from, if it is not ``from`` of the test."""


class ExpectOptions(Options):
    """``{ at = 0.5, to = "synth", message = "/a 0" }``: a message that must arrive."""

    to: str
    """The endpoint."""
    message: str
    """What the message must be like, e.g. ``/control 1 _ ~64``."""
    at: _Time = None
    """Seconds since the start of the test; by default it may arrive at any time."""


_Sent = str | SendOptions | Annotated[list[str | SendOptions], Field(min_length=1)]
_Expected = str | ExpectOptions | list[str | ExpectOptions]


class CaseOptions(Options):
    """``[[test]]``: messages that are sent, and what must arrive."""

    name: Annotated[str, AfterValidator(_name), Field(max_length=MAX_NAME)]
    """What the test shows, in a few words; each has its own."""
    source: Annotated[str | None, Field(alias="from")] = None
    """The bridge or endpoint that the messages come from."""
    now: Annotated[datetime | None, BeforeValidator(_date, json_schema_input_type=str)] = None
    """Date and time at the start of the test, e.g. ``2026-12-31T23:59:00``, by default the
    real one; local time if it has no offset."""
    send: Annotated[
        tuple[SendOptions, ...],
        BeforeValidator(_sent, json_schema_input_type=_Sent),
        Field(max_length=MAX_MESSAGES),
    ]
    """A message, or a list: ``"/a 1"`` or ``{ at = 0.5, message = "/a 0", from = "desk" }``."""
    expect: Annotated[
        tuple[ExpectOptions, ...],
        BeforeValidator(_expected, json_schema_input_type=_Expected),
        Field(max_length=MAX_MESSAGES),
    ] = ()
    """What must arrive, in order for each endpoint: ``"synth /x 1"`` or
    ``{ at = 0.5, to = "synth", message = "/x 1" }``; ``"synth ..."`` is any number of messages.
    Nothing else may arrive at the endpoints named here."""
    never: Annotated[
        tuple[str, ...],
        BeforeValidator(_texts, json_schema_input_type=str | list[str]),
        Field(max_length=MAX_MESSAGES),
    ] = ()
    """What must not arrive, e.g. ``"web"``, ``"web /cue"`` or ``"* /reset"``."""
