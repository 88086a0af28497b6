"""The exception tree."""

from __future__ import annotations

import pickle

import pytest

from oscbridge import errors
from oscbridge.errors import DecodeError, LimitError, OSCBridgeError


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_has_one_root_and_is_drawn_in_the_tree(name: str) -> None:
    assert issubclass(getattr(errors, name), OSCBridgeError)
    assert name in str(errors.__doc__)


@pytest.mark.parametrize("kind", [DecodeError, LimitError])
def test_a_decode_error_goes_from_one_process_to_another(kind: type[DecodeError]) -> None:
    error = pickle.loads(pickle.dumps(kind("size", "5 bytes")))
    assert type(error) is kind
    assert (error.reason, str(error)) == ("size", "5 bytes")
