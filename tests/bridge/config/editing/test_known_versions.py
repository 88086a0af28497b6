"""The secrets of versions and drafts are known as long as somebody uses them, and no longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from oscbridge.bridge.config.configuration_source import ConfigurationSource
from oscbridge.bridge.config.editing.draft import ConfigurationDraft
from oscbridge.bridge.config.editing.edits import Edit, EditingClient, EditRefused, ReplaceText
from oscbridge.bridge.config.editing.known_versions import MAX_BASES, MAX_SECRETS
from oscbridge.bridge.config.editing.store import ConfigurationStore

FILE = """\
[bridge.stage]
listen = "udp://127.0.0.1:9001"

[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:9002"
password = "first password"
"""


class Editor:
    """One who edits a file as its page shows it."""

    def __init__(self, store: ConfigurationStore) -> None:
        self.store = store
        self.client = EditingClient()
        self.base = ""

    def text(self) -> str:
        """The file as its page shows it, without secrets."""
        document = self.store.read()
        self.base = document.version
        return self.store.masks.hide_in_toml(document.texts[document.name])

    def check(self, text: str) -> str:
        """Check a text; returns it without its secrets."""
        draft = self.draft(text)
        return self.store.masks.hide_in_toml(draft.after.texts[draft.after.name])

    def draft(self, text: str) -> ConfigurationDraft:
        """A draft with this text of the file."""
        edits: list[Edit] = [ReplaceText(self.store.read().name, text)]
        return self.store.draft(edits, self.base, allow_code=True, client=self.client)[0]

    def save(self, text: str) -> None:
        """Save this text."""
        self.store.write(self.draft(text), "a test")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "oscbridge.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def store(file: Path) -> ConfigurationStore:
    return new_store(file)


def new_store(file: Path) -> ConfigurationStore:
    return ConfigurationStore(ConfigurationSource(file, "", {}), lambda _type, _key: ())


def with_password(text: str, password: str) -> str:
    """The text with another password."""
    lines = text.splitlines(keepends=True)
    return "".join(
        f'password = "{password}"\n' if each.startswith("password") else each for each in lines
    )


def with_secrets(count: int) -> str:
    """A file with that many secrets."""
    keys = "\n".join(f'token_{each} = "the secret {each}"' for each in range(count))
    return f"{FILE}\n[endpoint.many]\n{keys}\n"


def test_secrets_of_earlier_drafts_are_forgotten(store: ConfigurationStore) -> None:
    editor = Editor(store)
    text = editor.text()
    for number in range(100):
        editor.check(with_password(text, f"draft {number}"))
    assert len(store.masks) == 2  # of the file, and of the last draft


def test_last_draft_of_each_editor_can_be_sent_back_hidden(store: ConfigurationStore) -> None:
    first, second = Editor(store), Editor(store)
    shown = first.check(with_password(first.text(), "kept by the first"))
    text = second.text()
    for number in range(100):
        second.check(with_password(text, f"draft {number}"))
    again = first.draft(shown + "# more\n")
    assert 'password = "kept by the first"' in again.after.texts[again.after.name]


def test_draft_of_a_closed_editor_is_forgotten(store: ConfigurationStore) -> None:
    first, second = Editor(store), Editor(store)
    first.check(with_password(first.text(), "of a page that is closed"))
    first.client.close()
    second.text()
    assert len(store.masks) == 1


def test_editor_with_an_old_version_keeps_its_hidden_password(
    store: ConfigurationStore, file: Path
) -> None:
    old, other = Editor(store), Editor(store)
    shown = old.text()
    for number in range(MAX_BASES - 2):
        other.save(other.text().replace("[bridge.stage]", f"# {number}\n[bridge.stage]", 1))
    old.save(f"{shown}\n# at the end\n")
    assert 'password = "first password"' in file.read_text()
    assert file.read_text().endswith("# at the end\n")


def test_password_changed_many_times_is_forgotten_and_undone(
    store: ConfigurationStore, file: Path
) -> None:
    editor = Editor(store)
    for number in range(MAX_BASES + 10):
        editor.save(with_password(editor.text(), f"password {number}"))
    assert len(store.masks) <= MAX_BASES + 1
    draft, _versions = store.undone(None, and_later=False, allow_code=True)
    store.write(draft, None)
    assert f'"password {MAX_BASES + 8}"' in file.read_text()


def test_too_many_secrets_are_refused_and_nothing_is_forgotten(store: ConfigurationStore) -> None:
    editor = Editor(store)
    shown = editor.check(with_password(editor.text(), "another password"))
    with pytest.raises(EditRefused, match=f"more than {MAX_SECRETS} secrets; edit the files"):
        editor.check(with_secrets(MAX_SECRETS))
    assert len(store.masks) == 2
    assert "another password" in str(editor.draft(shown + "# more\n").after.texts)


def test_file_with_more_secrets_than_the_limit_can_be_edited(file: Path) -> None:
    file.write_text(with_secrets(MAX_SECRETS + 10))
    editor = Editor(new_store(file))
    before = file.read_text()
    editor.save(editor.text() + "# more\n")
    assert file.read_text() == before + "# more\n"


def test_earlier_passwords_are_hidden_after_a_restart(
    store: ConfigurationStore, file: Path
) -> None:
    editor = Editor(store)
    editor.save(with_password(editor.text(), "second password"))
    restarted = new_store(file)
    restarted.read()
    (version,) = restarted.history.read()
    for text in (*version.before.values(), *version.after.values()):
        assert "password = " in text
        assert "first password" not in restarted.masks.hide_in_toml(text)
        assert "second password" not in restarted.masks.hide_in_toml(text)
