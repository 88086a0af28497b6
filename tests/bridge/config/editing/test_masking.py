"""Secrets are hidden in texts and tables, and come back where they were."""

from __future__ import annotations

import tomllib

import pytest

from oscbridge.bridge.config.editing.edits import EditRefused
from oscbridge.bridge.config.editing.masking import MASK, Masks

TEXT = """\
[endpoint.broker]
type = "mqtt"
host = "stage" # same as the password of another
url = "mqtt://user:hunter22@host:1883"
password = 'pa"ss\\word'
headers = { Authorization = "Bearer abc def", Other = "plain" }

[endpoint.other]
password = "stage"
"""


@pytest.fixture
def masks() -> Masks:
    found = Masks({})
    found.hold("1", found.secrets_of(tomllib.loads(TEXT), [TEXT]))
    return found


def test_secrets_are_hidden_and_nothing_else(masks: Masks) -> None:
    shown = masks.hide_in_toml(TEXT)
    for secret in ("hunter22", 'pa"ss', "Bearer abc"):
        assert secret not in shown
    assert 'host = "stage"' in shown
    assert 'password = "stage"' not in shown
    assert 'Other = "plain"' in shown
    tomllib.loads(shown)


def test_unchanged_text_is_restored_as_it_was(masks: Masks) -> None:
    assert masks.restore(masks.hide_in_toml(TEXT)) == TEXT


def test_tables_are_hidden(masks: Masks) -> None:
    shown = masks.hide_in_tables(tomllib.loads(TEXT))
    broker = shown["endpoint"]["broker"]
    assert broker["password"].startswith(MASK)
    assert broker["host"] == "stage"
    assert "hunter22" not in str(shown)


@pytest.mark.parametrize("line", ["send = {}", "host = {}", "x.y = [{}]"])
def test_hidden_value_cannot_be_moved(masks: Masks, line: str) -> None:
    password = masks.hide_in_tables(tomllib.loads(TEXT))["endpoint"]["broker"]["password"]
    moved = "[endpoint.evil]\n" + line.format(f'"{password}"')
    with pytest.raises(EditRefused, match="only be kept where it was"):
        masks.restore(moved)


def test_unknown_hidden_value_is_refused(masks: Masks) -> None:
    with pytest.raises(EditRefused, match="load the page again"):
        masks.restore(f'password = "{MASK}01234567"')


URLS = """\
[endpoint.backup]
urls = "mqtt://a:first1@host, mqtt://b:second2@host" # once mqtt://a:first1@old
password = { file = "mqtt://c:third33@host" }
"""


def test_all_passwords_of_urls_are_hidden_and_restored(masks: Masks) -> None:
    masks.hold("2", masks.secrets_of(tomllib.loads(URLS), [URLS]))
    shown = masks.hide_in_toml(URLS)
    for secret in ("first1", "second2", "third33"):
        assert secret not in shown
    assert masks.restore(shown) == URLS


def test_password_that_contains_another_is_hidden_as_a_whole(masks: Masks) -> None:
    raw = {"endpoint": {"other": {"password": "stage-door"}}}
    masks.hold("2", masks.secrets_of(raw, []))
    assert "door" not in masks.hide("connection refused: stage-door")


def test_errors_show_no_secret(masks: Masks) -> None:
    assert "hunter22" not in masks.hide("cannot connect to mqtt://user:hunter22@host")


@pytest.mark.parametrize("end", ["[[", "= 1", '"""'])
def test_broken_text_shows_no_secret(masks: Masks, end: str) -> None:
    shown = masks.hide_in_toml(f'password = "some other thing"\n{TEXT}{end}')
    assert "some other thing" not in shown


def test_broken_text_shows_no_password_of_a_url(masks: Masks) -> None:
    assert "another1" not in masks.hide_in_toml('url = "mqtt://a:another1@host"\n[[')


@pytest.mark.parametrize("end", ["[[", "= 1", '"""', f"n = {'1' * 5000}"])
def test_broken_text_shows_no_known_secret(masks: Masks, end: str) -> None:
    text = TEXT.replace("headers", "other_headers").replace("Authorization", "Other")
    shown = masks.hide_in_toml(f"{text}{end}")
    for secret in ("hunter22", 'pa"ss', "Bearer abc", '"stage"'):
        assert secret not in shown


@pytest.mark.parametrize("end", ["[[", f"n = {'1' * 5000}"])
def test_hidden_values_stay_hidden_in_a_broken_text(masks: Masks, end: str) -> None:
    shown = f"{masks.hide_in_toml(TEXT)}{end}".replace('host = "stage"', 'host = "hall"')
    assert masks.restore(shown) == shown
    assert masks.hide_in_toml(shown) == shown


def test_secret_that_became_a_comment_is_hidden_and_restored(masks: Masks) -> None:
    text = 'port = 1 # old: password = "b"\n  # token = "other99" # why\n#password = \'x\'\n'
    assert Masks({}).hide_in_toml(text).count(MASK) == 3
    masks.hold("2", masks.secrets_of(tomllib.loads(text), [text]))
    shown = masks.hide_in_toml(text)
    assert "other99" not in shown
    assert masks.restore(shown) == text


def test_comments_without_values_are_shown(masks: Masks) -> None:
    text = '# The password is in the safe; keys are "blue".\nport = 1\n'
    assert masks.hide_in_toml(text) == text
