"""Values are found by what a page shows of them, and are valid JSON whatever they are."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from control_room import ControlRoomProgram, connected

from oscbridge import Message, encode_message
from oscbridge_ui.encoding import encoded
from oscbridge_ui.protocol_base import ProtocolModel, Scalar


class Variables(ProtocolModel):
    """What a message may have."""

    text: str
    values: dict[str, Scalar]


def test_message_is_json_with_text_that_is_not_valid_unicode_and_numbers_that_are_not_finite() -> (
    None
):
    message = Variables(text="\udcff", values={"a": math.nan, "b": -math.inf, "c": 2**70})
    found = json.loads(encoded(message), parse_constant=pytest.fail)
    assert found == {"text": "\udcff", "values": {"a": None, "b": None, "c": 2**70}}


def single(number: float) -> float:
    """A number as it arrives as a float of 32 bits."""
    (found,) = struct.unpack(">f", struct.pack(">f", number))
    return float(found)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        *(("0.7", 0.7), ("0.700", 0.7), ("\u22120.35", -0.35), ("123.46", 123.456)),
        *(("1234.6", 1234.56), ("0.69999", 0.7)),
    ],
)
async def test_number_is_found_as_the_page_writes_it(
    program: ControlRoomProgram, query: str, number: float
) -> None:
    async with connected(program.port) as page:
        await page.next("welcome")
        await page.send(type="watch_values", query=query)
        sent = [Message("/found", "f", (single(number),)), Message("/other", "f", (0.25,))]
        program.send(*map(encode_message, sent))
        order: list[str] = []
        values: dict[str, Any] = {"total": 0}
        while values["total"] < 2:
            values = await page.next("values")
            order = order if values["order"] is None else values["order"]
        assert (values["found"], order) == (1, ["/found"])
