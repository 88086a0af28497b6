"""Plugins written for this version of the contract keep working."""

from __future__ import annotations

import public_api


def test_no_public_name_or_parameter_is_gone() -> None:
    assert public_api.broken() == []


def test_every_public_name_is_listed() -> None:
    new = public_api.public_api().keys() - public_api.listed().keys()
    assert not new, "run: python tests/support/public_api.py --update"
