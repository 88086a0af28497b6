"""The exception tree."""

from __future__ import annotations

import errno
import pickle

import pytest

from oscbridge import errors
from oscbridge.errors import BackOff, DecodeError, LimitError, OSCBridgeError
from oscbridge.net.os_errors import what_failed


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_has_one_root_and_is_shown_in_the_tree(name: str) -> None:
    assert issubclass(getattr(errors, name), OSCBridgeError)
    assert name in str(errors.__doc__)


@pytest.mark.parametrize("kind", [DecodeError, LimitError])
def test_decode_error_can_be_pickled(kind: type[DecodeError]) -> None:
    error = pickle.loads(pickle.dumps(kind("size", "5 bytes")))
    assert type(error) is kind
    assert (error.reason, str(error)) == ("size", "5 bytes")


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (PermissionError(errno.EACCES, "x"), "choose a port above 1023"),
        (PermissionError(errno.EACCES, "x", "a.toml"), "the permissions of the file"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError("odd"), "odd"),
        (OSError(), "OSError"),
    ],
)
def test_error_explains_how_to_fix_it(error: OSError, fix: str) -> None:
    assert fix in what_failed(error)


@pytest.mark.parametrize("seconds", [-5.0, 0.0, float("nan")])
def test_back_off_is_never_so_short_that_the_bridge_spins(seconds: float) -> None:
    assert BackOff(seconds).seconds == BackOff.shortest
    assert BackOff(2.5).seconds == 2.5
