"""``oscbridge.slip`` compared with the module of python-osc."""

from __future__ import annotations

import pickle

import pytest
import pythonosc.slip
from hypothesis import given
from hypothesis import strategies as st

from oscbridge import slip
from oscbridge.errors import OSCBridgeError

# Bytes among which the special ones are frequent.
stream = st.lists(
    st.sampled_from([b"\xc0", b"\xdb", b"\xdc", b"\xdd", b"\n", b"a"]), max_size=12
).map(b"".join)


def test_constants_equal_those_of_python_osc() -> None:
    for name in ("END", "ESC", "ESC_END", "ESC_ESC", "END_END"):
        assert getattr(slip, name) == getattr(pythonosc.slip, name)


@given(stream | st.binary())
def test_encode_writes_the_same_bytes_as_python_osc(data: bytes) -> None:
    assert slip.encode(data) == pythonosc.slip.encode(data)
    assert slip.decode(slip.encode(data)) == data


@given(stream | st.binary())
def test_decode_accepts_and_returns_the_same_as_python_osc(packet: bytes) -> None:
    assert slip.is_valid(packet) == pythonosc.slip.is_valid(packet)
    if slip.is_valid(packet):
        assert slip.decode(packet) == pythonosc.slip.decode(packet)


@pytest.mark.parametrize("packet", [b"a\xdbb", b"a\xdb", b"\xc0a\xc0b\xc0"])
def test_decode_raises_a_value_error_that_has_the_packet(packet: bytes) -> None:
    with pytest.raises(ValueError) as caught:
        slip.decode(packet)
    assert isinstance(caught.value, slip.ProtocolError)
    assert isinstance(caught.value, OSCBridgeError)
    assert pickle.loads(pickle.dumps(caught.value)).args == (packet,)
