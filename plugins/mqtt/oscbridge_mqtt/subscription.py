"""One entry of ``subscribe``, and the types of options that it shares with the endpoint."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, model_validator

import oscbridge
from oscbridge_mqtt.entity_options import Address
from oscbridge_mqtt.topic import check_filter, text_template, without_share
from oscbridge_mqtt.values import TYPES

__all__ = ["Filter", "Format", "QoS", "Subscription"]

QoS: TypeAlias = Literal[0, 1, 2]
Format: TypeAlias = Literal["auto", "json", "text", "number", "raw", "typed", "osc"]


def _types(value: str | None) -> str | None:
    for tag in value or "":
        if tag not in TYPES:
            raise ValueError(f"{tag!r} is not a valid type tag for a payload; available: {TYPES}")
    return value


Filter: TypeAlias = Annotated[str, AfterValidator(check_filter)]
Types: TypeAlias = Annotated[str | None, AfterValidator(_types)]


class Subscription(oscbridge.Options):
    """One entry of ``subscribe``; a text alone is its topic."""

    topic: Filter
    """The topic filter; ``+`` and ``#`` are wildcards, ``$share/group/...`` shares the messages
    with the other clients of the group."""
    qos: QoS = 1
    """The highest QoS of the deliveries."""
    payload: Format | None = None
    """The format of the payloads; by default the endpoint's ``payload``."""
    types: Types = None
    """Type tags of the arguments, e.g. ``"f"``; by default inferred."""
    address: Address = None
    """The address, e.g. ``/light/{1}``: ``{1}`` ``{2}`` are the parts that ``+`` and ``#`` match,
    ``{topic}`` is the topic, ``{qos}`` 0 to 2, ``{retained}`` ``retained`` or ``live``."""
    retained: Literal["take", "ignore"] = "take"
    """Whether to accept the retained messages that the broker sends after the subscription."""

    @model_validator(mode="after")
    def _check(self) -> Subscription:
        if self.payload in ("typed", "osc") and (self.address or self.types):
            raise ValueError(
                f'with payload = "{self.payload}" the payload contains the '
                "address and the types; remove address and types"
            )
        if self.payload == "raw" and self.types not in (None, "b"):
            raise ValueError('with payload = "raw" the argument is a blob; remove types')
        if self.address is not None:
            wildcards = sum(part in "+#" for part in without_share(self.topic).split("/") if part)
            known = [*map(str, range(1, wildcards + 1)), "topic", "qos", "retained"]
            for placeholder in text_template(self.address, expressions=True).placeholders:
                name = placeholder.name
                if placeholder.expression:
                    raise ValueError(
                        f"address: unexpected expression {placeholder}; "
                        "put it into send of a route from this endpoint"
                    )
                if name not in known:
                    offered = ", ".join(f"{{{name}}}" for name in known)
                    raise ValueError(
                        f"address: unknown placeholder {{{name}}}; available: {offered}"
                    )
        return self
