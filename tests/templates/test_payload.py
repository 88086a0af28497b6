"""Payload templates: text, and JSON that stays valid."""

from __future__ import annotations

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oscbridge
from oscbridge import Message
from oscbridge.templates.payload import template_encoder


@pytest.mark.parametrize(
    ("template", "message", "payload"),
    [
        ("{ch}: {0:i} dB", Message.of("/a", 2.6), "7: 3 dB"),
        ('{"level": {0}}', Message.of("/a", 0.5), '{"level": 0.5}'),
        ('{"level": {0}}', Message.of("/a", 'x"y\n\x01'), '{"level": "x\\"y\\n\\u0001"}'),
        ('{"level": {0}}', Message.of("/a", math.nan), '{"level": "NaN"}'),
        ('{"level": {0}}', Message.of("/a", None), '{"level": null}'),
        ('{"level": {0}}', Message.of("/a", True), '{"level": true}'),
        ('{"level": {0}}', Message.of("/a", b"\xff"), '{"level": "/w=="}'),
        ('{"level": {0}}', Message.of("/a", [1, "x"]), '{"level": [1,"x"]}'),
        ('{"level": {0:i}}', Message.of("/a", 2.6), '{"level": 3}'),
        ('{"level": {0:s}}', Message.of("/a", 2.5), '{"level": "2.5"}'),
        ('{"level": "{0}"}', Message.of("/a", 'x"y'), '{"level": "x\\"y"}'),
        ('{"level": "{0} dB"}', Message.of("/a", 1.5), '{"level": "1.5 dB"}'),
        ('{"{ch}": {ch}, "n": {name}}', Message.of("/a"), '{"7": 7, "n": "q\\"007"}'),
        ('{"at": {address}, "v": [{*}]}', Message.of("/a", 1, "x"), '{"at": "/a", "v": [1,"x"]}'),
        ("[{*}]", Message.of("/a"), "[]"),
        ('"{0}"', Message.of("/a", 'x"'), '"x\\""'),
        ("{0} {1}", Message.of("/a", 'x"', 1), 'x" 1'),
        ('{"a\\"{0}": 1}', Message.of("/a", 'x"'), '{"a\\"x\\"": 1}'),
        ("{= ch + 1} {= x * 2 : i} {= x}", Message.of("/a", 0.6), "8 1 0.6"),
        (
            '{"v": {= x > 1}, "t": "{= \'<\' + name}"}',
            Message.of("/a", 2),
            '{"v": true, "t": "<q\\"007"}',
        ),
        ('{"v": {= x / 4}}', Message.of("/a", 1), '{"v": 0.25}'),
        ("{not json {0}", Message.of("/a", 'x"'), '{not json x"'),
    ],
)
def test_template_that_is_json_gives_valid_json(
    template: str, message: Message, payload: str
) -> None:
    captures = {"ch": "7", "name": 'q"007'}
    assert template_encoder(template)(message, captures) == payload.encode()


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ('{"level": {0:i}}', Message.of("/a", "text")),
        ('{"level": {0:i}}', Message.of("/a", math.nan)),
        ('{"level": {*}}', Message.of("/a", 1, 2)),
        ('{"level": {*}}', Message.of("/a")),
        ('{"level": {1}}', Message.of("/a", 1)),
        ('{"level": "{0}"}', Message.of("/a", "\udc80")),
    ],
)
def test_message_that_a_template_cannot_hold_is_rejected(template: str, message: Message) -> None:
    with pytest.raises((ValueError, LookupError)):
        template_encoder(template)(message, {})


json_values = st.one_of(
    st.none(), st.booleans(), st.text(), st.floats(width=32), st.binary(max_size=9),
    st.integers(-(1 << 63), (1 << 63) - 1),
)  # fmt: skip


@given(json_values, st.text(st.characters(exclude_categories=["Cs"])))
def test_template_gives_valid_json_for_every_argument(value: object, capture: str) -> None:
    encode_it = template_encoder('{"a": {0}, "b": "{0}", "c": {x}, "{x}": [{*}]}')
    payload = encode_it(Message.of("/a", value), {"x": capture})  # type: ignore[arg-type]
    assert set(orjson.loads(payload)) == {"a", "b", "c", capture}


def test_failing_expression_rejects_the_message() -> None:
    with pytest.raises(oscbridge.ExpressionFailed, match=r"/a: '1 / x' failed: .* \(x = 0\)"):
        template_encoder('{"v": {= 1 / x}}')(Message.of("/a", 0), {})
