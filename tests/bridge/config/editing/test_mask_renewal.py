"""Hidden values that another process has shown are those of the same places."""

from __future__ import annotations

import tomllib

import pytest

from oscbridge.bridge.config.editing.mask_renewal import renewed
from oscbridge.bridge.config.editing.masking import MASKED, Masks

TEXT = """\
[endpoint.broker]
url = "mqtt://user:hunter22@host:1883"
password = "first-secret" # once password = "older-secret"

#password = "comment-secret"

[[token]]
name = "foh"
secret = "foh-secret"

[[token]]
name = "wall"
secret = "wall-secret"
"""


def masks_of(text: str) -> Masks:
    """The hidden values of a new process."""
    found = Masks({})
    found.hold("1", found.secrets_of(tomllib.loads(text), [text]))
    return found


def renew(masks: Masks, shown: str, text: str = TEXT) -> str:
    """A text from another process, as the process of ``masks`` would have shown it."""
    raw = tomllib.loads(text)
    unknown = masks.unknown_in(shown)
    return renewed(shown, unknown, raw, masks.shown_in(raw), masks.hide_in_toml(text))


@pytest.fixture
def shown() -> str:
    """What another process has shown."""
    return masks_of(TEXT).hide_in_toml(TEXT)


def test_all_hidden_values_come_back(shown: str) -> None:
    now = masks_of(TEXT)
    assert len(MASKED.findall(shown)) == 6
    assert shown != now.hide_in_toml(TEXT)
    assert now.restore(renew(now, shown)) == TEXT


def test_hidden_value_keeps_the_secret_that_is_there_now(shown: str) -> None:
    text = TEXT.replace("first-secret", "later-secret")
    now = masks_of(text)
    assert now.restore(renew(now, shown, text)) == text


def test_hidden_value_comes_back_into_a_changed_line(shown: str) -> None:
    now = masks_of(TEXT)
    restored = now.restore(renew(now, shown.replace("@host:1883", "@other:1883")))
    assert "mqtt://user:hunter22@other:1883" in restored


def test_tokens_are_found_by_their_names(shown: str) -> None:
    foh, wall = TEXT[TEXT.index("[[token]]") :].strip().split("\n\n")
    text = TEXT[: TEXT.index("[[token]]")] + f"{wall}\n\n{foh}\n"
    now = masks_of(text)
    assert now.restore(renew(now, shown, text)) == TEXT


def test_hidden_value_of_a_removed_option_stays_unknown(shown: str) -> None:
    text = TEXT.replace('password = "first-secret"', 'port = "1"')
    assert len(masks_of(text).unknown_in(renew(masks_of(text), shown, text))) > 0


def test_hidden_value_with_two_possible_secrets_stays_unknown(shown: str) -> None:
    text = TEXT.replace("url = ", 'url = "mqtt://a:secret-a@a,mqtt://b:secret-b@b"\nold = ')
    now = masks_of(text)
    assert len(now.unknown_in(renew(now, shown, text))) == 1


def test_text_that_is_not_valid_keeps_its_hidden_values(shown: str) -> None:
    now = masks_of(TEXT)
    broken = f"{shown.partition(' #')[0]}\n[["
    assert renew(now, broken) == broken
