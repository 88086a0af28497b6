"""What an edit from a browser must not change, however it is written."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from oscbridge.bridge.config.editing.document import read_document
from oscbridge.bridge.config.editing.draft import ConfigurationDraft, make_draft
from oscbridge.plugins.manager import Plugins

BEFORE = """\
include = "more.toml"

[http]
listen = "127.0.0.1:0"

[run]
drain_timeout = 1.0

[bridge.stage]
listen = "udp://127.0.0.1:0"

[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:9"
policy = "spool"
spool = { path = "desk.spool", max_size = "1MB" }

[endpoint.arduino]
type = "serial"
device = "/dev/ttyACM0"

[[route]]
name = "code"
from = "stage"
function = "os:getcwd"
to = "desk"

[[route]]
name = "plain"
from = "stage"
match = "/x"
to = "arduino"
"""


@pytest.fixture(scope="module")
def types() -> Any:
    return Plugins().endpoint_types


def draft(folder: Path, text: str, types: Any, *, allow_code: bool = False) -> ConfigurationDraft:
    path = folder / "show.toml"
    path.write_text(BEFORE)
    (folder / "more.toml").write_text("")
    document = read_document(path, "show.toml")
    return make_draft(
        document, {"show.toml": text}, types,
        trusted=document, allow_code=allow_code,
        devices=lambda kind, key: {"/dev/ttyUSB7"} if (kind, key) == ("serial", "device") else (),
    )  # fmt: skip


def swap(old: str, new: str) -> str:
    assert old in BEFORE
    return BEFORE.replace(old, new, 1)


MORE_CODE = '\n[[route]]\nfrom = "stage"\nto = "desk"\nfunction = "os:getcwd"\n'

MOVED = BEFORE[: BEFORE.index("[[route]]")] + "".join(
    f"[[route]]{each}" for each in reversed(BEFORE.split("[[route]]")[1:])
)


@pytest.mark.parametrize(
    "text",
    [
        swap('"/x"', '"/y"'),
        MOVED,
        swap('from = "stage"\nfunction', 'from = ["stage"]\nfunction'),  # its code stays
        BEFORE[: BEFORE.index('[[route]]\nname = "code"')],  # all routes are removed
        swap('"/dev/ttyACM0"', '"/dev/ttyUSB7"'),
        swap('"/dev/ttyACM0"', '"Arduino"'),
        swap('max_size = "1MB"', 'max_size = "2MB"'),
        BEFORE + '\n[endpoint.x32]\ntype = "osc"\nto = "udp://127.0.0.1:8"\nprofile = "x32"\n',
    ],
)
def test_harmless_change_is_allowed(tmp_path: Path, types: Any, text: str) -> None:
    assert draft(tmp_path, text, types).refused == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (swap("os:getcwd", "os:abort"), "route 1.function|route 1: function: runs code"),
        (swap('match = "/x"', 'function = "os:getcwd"'), "runs code"),
        (
            BEFORE + '\n[[route]]\nfrom = "stage"\nto = "desk"\nfunction = "os:getcwd"\n',
            "runs code",
        ),
        (swap("drain_timeout = 1.0", "drain_timeout = 2.0"), r"\[run\]: read-only"),
        (swap("[run]\ndrain_timeout = 1.0\n", ""), r"\[run\]: read-only"),
        (swap('include = "more.toml"', 'include = ["more.toml", "/etc/x.toml"]'), "include"),
        (swap('include = "more.toml"\n', ""), "include"),
        (swap("desk.spool", "/tmp/other"), "endpoint.desk.spool.path: names a file"),
        (swap('path = "desk.spool", ', ""), "endpoint.desk.spool.path: names a file"),
        (swap('"/dev/ttyACM0"', '"/dev/mem"'), "endpoint.arduino.device"),
        (swap('"/dev/ttyACM0"', '"/dev/../etc/passwd"'), "endpoint.arduino.device"),
        (swap('type = "serial"\ndevice', 'type = "osc"\ndevice'), "endpoint.arduino"),
        (swap("[http]", "[http]\nallow_code = true"), r"\[http\]: always read-only"),
        (swap("[http]", "[http]\nhosts = []"), r"\[http\]: always read-only"),
        (BEFORE + '\n[[token]]\nname = "a"\nsecret = { env = "A" }\n', r"\[\[token\]\]: always"),
        (swap('to = "udp://127.0.0.1:9"', 'to = "udp://127.0.0.1:9"\nprofile = "show"'), "profile"),
        (swap('type = "osc"', 'type = "unheard of"'), "belongs to a plugin"),
    ],
)
def test_protected_change_is_refused(tmp_path: Path, types: Any, text: str, reason: str) -> None:
    refused = draft(tmp_path, text, types).refused
    assert len(refused) > 0
    assert re.search(reason, "\n".join(refused)), refused


@pytest.mark.parametrize("section", ["[http]\nallow_code = false", "[http]\non_start = 'error'"])
def test_http_is_read_only_also_with_allow_code(tmp_path: Path, types: Any, section: str) -> None:
    found = draft(tmp_path, swap("[http]", section), types, allow_code=True)
    assert found.refused == ("[http]: always read-only from the browser; edit the file",)


def test_code_is_allowed_with_allow_code(tmp_path: Path, types: Any) -> None:
    assert draft(tmp_path, swap("os:getcwd", "os:getpid"), types, allow_code=True).refused == ()


def test_key_of_the_environment_is_read_only(
    tmp_path: Path, types: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSCBRIDGE__ROUTE__PLAIN__MATCH", "/env")
    found = draft(tmp_path, swap('"/x"', '"/y"'), types)
    assert found.refused == (
        "route 2: match: OSCBRIDGE__ROUTE__PLAIN__MATCH sets it; change the variable",
    )
    assert draft(tmp_path, MOVED, types).refused == ()


def test_nothing_is_imported_or_read_of_a_refused_draft(tmp_path: Path, types: Any) -> None:
    (tmp_path / "secret.toml").write_text("password of another = 1")
    found = draft(tmp_path, swap('"more.toml"', '["more.toml", "secret.toml"]'), types)
    assert "password" not in str((found.refused, found.problems))
    assert found.configuration is None


def test_sample_is_valid_toml() -> None:
    assert tomllib.loads(MOVED)["route"][1]["name"] == "code"
