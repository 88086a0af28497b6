"""Payloads without type tags."""

from __future__ import annotations

import pytest

from oscbridge import (
    Argument,
    DecodeError,
    EncodeError,
    LimitError,
    Message,
    encode_plain_json,
    encode_plain_text,
    plain_arguments,
)


@pytest.mark.parametrize(
    ("args", "payload"),
    [
        ((), b"null"),
        ((0.1,), b"0.1"),
        (("on",), b'"on"'),
        ((1, 2.5), b"[1,2.5]"),
        (([1, 2],), b"[[1,2]]"),
        ((None,), b"null"),
    ],
)
def test_plain_json_is_the_value_or_an_array(args: tuple[Argument, ...], payload: bytes) -> None:
    assert encode_plain_json(Message.of("/a", *args)) == payload


def test_plain_json_rejects_arguments_that_do_not_fit_their_tags() -> None:
    with pytest.raises(EncodeError, match="/a ,i"):
        encode_plain_json(Message("/a", "i", ("on",)))


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        (Message.of("/a"), b""),
        (Message.of("/a", 1.0, "on", True), b"1 on true"),
        (Message("/a", "d", (0.1,)), b"0.1"),
        (Message.of("/a", b"\xff\x00"), b"\xff\x00"),
        (Message.of("/a", 1, b"\xff"), b"1 /w=="),
        (Message("/a", None, (b"\x01",)), b"\x01"),
        (Message("/a", "[ii]", ([1, 2],)), b"1 2"),
    ],
)
def test_plain_text_has_spaces_between_arguments(message: Message, payload: bytes) -> None:
    assert encode_plain_text(message) == payload


@pytest.mark.parametrize(
    ("values", "types", "args"),
    [
        ([], "", ()),
        ([1, 0.5, "on", True, None], "ifsTN", (1, 0.5, "on", True, None)),
        ([1 << 40], "h", (1 << 40,)),
        ([1 << 64], "f", (float(1 << 64),)),
        ([[1 << 64, 1]], "[fi]", ([float(1 << 64), 1],)),
        ([1e300, 0.5], "dd", (1e300, 0.5)),
        ([[1e300]], "[d]", ([1e300],)),
    ],
)
def test_plain_arguments_infers_type_tags(
    values: list[object], types: str, args: tuple[Argument, ...]
) -> None:
    assert plain_arguments(values) == (types, args)


@pytest.mark.parametrize("values", [[{}], [[{}]], [10**400]])
def test_plain_arguments_rejects_what_osc_does_not_have(values: list[object]) -> None:
    with pytest.raises(DecodeError) as caught:
        plain_arguments(values)
    assert caught.value.reason == "value"


def test_plain_arguments_limits_the_depth_of_arrays() -> None:
    value: object = 1
    for _ in range(18):
        value = [value]
    with pytest.raises(LimitError, match="nested too deeply"):
        plain_arguments([value])
