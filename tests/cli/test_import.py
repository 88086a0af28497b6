"""``oscbridge import``: the formats, the output and the errors."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from oscbridge.cli.import_ import command

Call = Callable[..., subprocess.CompletedProcess[str]]

LINES = """
import click
from oscbridge import ImportedFile, ImportedRule, Importer, InputError

def rule(number, line):
    address, _, target = line.partition(" ")
    if not target:
        return ImportedRule(number, line, reason="nothing to send to")
    return ImportedRule(number, line, [{"from": "stage", "match": address, "to": target}])

def translate(text, port):
    lines = list(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if line == "crash":
            raise KeyError(line)
        if line == "exit":
            raise SystemExit(0)
        if not line.startswith("/"):
            raise InputError(number, f"expected an address, got {line!r}")
    tables = {
        "bridge.stage": {"listen": f"udp://127.0.0.1:{port}"},
        "endpoint.desk": {"type": "osc", "to": "udp://127.0.0.1:9001"},
    }
    return ImportedFile(tables, [rule(*each) for each in lines], ["a note"])

@oscbridge.hookimpl
def oscbridge_importers():
    option = click.Option(["--port"], type=int, default=9000)
    return {"lines": Importer("one address and target per line", translate, [option])}
"""

EXPECTED = """\
# imported from map.txt by `oscbridge import lines`
# a note

[bridge.stage]
listen = "udp://127.0.0.1:9100"

[endpoint.desk]
type = "osc"
to   = "udp://127.0.0.1:9001"

# line 1: /fader desk
[[route]]
from  = "stage"
match = "/fader"
to    = "desk"

# line 2: /nowhere
# not translated: nothing to send to

# line 3: /wrong dask
# not translated: to = 'dask': no such bridge or endpoint; did you mean 'desk'?
"""


@pytest.fixture
def plugin(tmp_path: Path, environment: dict[str, str]) -> Callable[[str, str], None]:
    """Installs a plugin for the program."""

    def install(name: str, code: str) -> None:
        folder = tmp_path / "site"
        info = folder / f"oscbridge_{name}-1.dist-info"
        info.mkdir(parents=True)
        (folder / f"oscbridge_{name}.py").write_text("import oscbridge\n" + code)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: oscbridge-{name}\nVersion: 1\n"
        )
        (info / "entry_points.txt").write_text(f"[oscbridge]\n{name} = oscbridge_{name}\n")
        environment["PYTHONPATH"] = str(folder)

    return install


@pytest.fixture
def imported(
    tmp_path: Path, plugin: Callable[[str, str], None], call: Call
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Imports a text with the format of a plugin."""
    plugin("lines", LINES)

    def run(text: str, *args: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "map.txt").write_text(text)
        return call("import", "lines", "map.txt", *args)

    return run


def test_import_prints_a_configuration_that_is_valid(
    imported: Call, call: Call, write: Callable[..., str]
) -> None:
    result = imported("/fader desk\n/nowhere\n/wrong dask\n", "--port", "9100")
    assert result.stdout == EXPECTED
    assert result.stderr == ("1 of 3 rules translated; the others are comments with the reason\n")
    assert call("check", write(result.stdout)).returncode == 0


def test_import_that_translates_nothing_says_why(imported: Call) -> None:
    result = imported("/nowhere\n/wrong\n")
    summary, reason = result.stderr.splitlines()
    assert summary == "0 of 2 rules translated; the others are comments with the reason"
    assert reason.startswith("line 1: ")


def test_import_alone_lists_the_formats(plugin: Callable[[str, str], None], call: Call) -> None:
    plugin("lines", LINES)
    result = call("import")
    assert (result.returncode, result.stderr) == (0, "")
    assert "  lines " in result.stdout
    assert "one address and target per line" in call("import", "--help").stdout


@pytest.mark.parametrize(
    ("text", "code", "error"),
    [
        ("/a desk\nb\n", 2, "error: map.txt: line 2: expected an address, got 'b'\n"),
        ("crash", 1, "error: map.txt: the importer 'lines' failed: KeyError: 'crash' ("),
        ("exit", 1, "error: map.txt: the importer 'lines' failed: SystemExit: 0 ("),
    ],
    ids=["input", "bug", "exit"],
)
def test_import_names_the_file_and_the_line_of_an_error(
    imported: Call, text: str, code: int, error: str
) -> None:
    result = imported(text)
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.startswith(error)


def test_import_of_a_missing_file_or_format_suggests_one(imported: Call, call: Call) -> None:
    assert "none.txt: no such file" in call("import", "lines", "none.txt").stderr
    result = call("import", "line", "map.txt")
    assert result.returncode == 2
    assert "unknown format 'line'; did you mean 'lines'?" in result.stderr


def test_format_of_a_missing_plugin_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oscbridge.plugins.manager.entry_points", lambda **_: [])
    result = CliRunner().invoke(type(command)("import"), ["omm", "a.omm"])
    assert "unknown format 'omm'; install the plugin that offers it" in result.output
    assert 'pip install "oscbridge[midi]"' in result.output


def test_import_keeps_control_characters_out_of_comments(imported: Call, call: Call) -> None:
    result = imported("/a\x1b[2J\x07\n")
    assert "\x1b" not in result.stdout
    assert "# line 1: /a\\x1b[2J" in result.stdout


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("return 3", "returns 3, not a dictionary of importers"),
        ("return {'a': 3}", "the format 'a' is 3, not an oscbridge.Importer"),
        (
            "return {'lines': oscbridge.Importer('x', print)}",
            "the format 'lines' is offered by another plugin already",
        ),
        ("raise KeyError('x')", "oscbridge_importers failed: KeyError: 'x' ("),
    ],
    ids=["type", "importer", "duplicate", "raises"],
)
def test_plugin_that_fails_to_offer_formats_is_named_and_the_others_work(
    imported: Call, plugin: Callable[[str, str], None], code: str, error: str
) -> None:
    plugin("more", f"@oscbridge.hookimpl\ndef oscbridge_importers():\n    {code}\n")
    result = imported("/fader desk\n")
    assert "[[route]]" in result.stdout
    assert "plugin 'more': " in result.stderr
    assert error in result.stderr
