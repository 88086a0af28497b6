"""TOML syntax errors: the line, a caret at the cause, and the fix."""

from __future__ import annotations

import time

import pytest

from oscbridge import ConfigurationError
from oscbridge.bridge.config.toml import parse_toml

COLUMNS = 80
PREFIX = "error: "

CASES = {
    "missing value": ("listen = \n", "missing value of 'listen'", ""),
    "no quotes": ("listen = udp://a:1\n", "missing quotes", 'write "udp://a:1"'),
    "no quotes in a list": ("to = [web]\n", "missing quotes", 'write "web"'),
    "no quotes and a comment": ("to = web # it\n", "missing quotes", 'write "web"'),
    "curly quotes": ("a = “x”\n", "curly quote “", 'write straight quotes: "'),
    "curly end": ('a = "x”\n', "curly quote ”", 'write straight quotes: "'),
    "duplicate table": (
        "[run]\n[bridge.a]\n[run]\n",
        "duplicate table",
        "[run] is already in line 1: join the two, or rename one",
    ),
    "table after a list of tables": (
        "[[route]]\na = 1\n[route]\n",
        "single brackets",
        "write [[route]] for one more",
    ),
    "address in a list": ("allow = [10.0.0.1]\n", "missing quotes", 'write "10.0.0.1"'),
    "no comma in a list": ('allow = ["a" "b"]\n', "missing ','", "add one before it"),
    "comma as a value": ("listen = ,\n", "missing value of 'listen'", ""),
    "comment of another language": ("// note\n", "unknown comment", "write # for a comment"),
    "header without its start": ("bridge.a]\n", "missing '['", "write [bridge.a]"),
    "duplicate key": (
        "[run]\na = 1\na = 2",
        "duplicate key",
        "'a' is already in line 2: remove one",
    ),
    "blank in a table's name": ("[my table]\n", "this name needs quotes", 'write ["my table"]'),
    "blank in the name of a bridge": (
        "[bridge.stage left]\n",
        "not a valid name",
        "write [bridge.stage-left]",
    ),
    "umlaut in the name of an endpoint": (
        "[endpoint.bühne]\n",
        "not a valid name",
        "write [endpoint.buhne]",
    ),
    "table in braces that is continued": (
        'midi = { type = "note_on",\n  note = 1 }\n',
        "unclosed '{'",
        "add '}' in the same line; or write a [table]",
    ),
    "table in braces on several lines": (
        'midi = {\n  type = "note_on"\n}\n',
        "unclosed '{'",
        "add '}' in the same line; or write a [table]",
    ),
    "umlaut in a table's name": ("[größe]\n", "this name needs quotes", 'write ["größe"]'),
    "umlaut in a key": ("größe = 1\n", "this name needs quotes", 'write "größe" = …'),
    "umlaut at the start of a key": ("ärmed = 1\n", "this name needs quotes", 'write "ärmed" = …'),
    "umlaut in braces": ("let = { größe = 1 }\n", "this name needs quotes", 'write "größe" = …'),
    "umlaut after a comma": ("let = { a = 1, ü = 1 }\n", "this name needs quotes", 'write "ü" = …'),
    "blank in a key": ("my key = 3\n", "this name needs quotes", 'write "my key" = …'),
    "missing equals": ('listen "x"\n', "missing '='", 'write listen = "x"'),
    "colon": ('listen: "x"\n', "unexpected ':'", "write '='"),
    "colon in braces": ("limits = { idle: 5 }\n", "unexpected ':'", "write '='"),
    "two equals": ('listen == "x"\n', "unexpected '=='", "write '='"),
    "unclosed list": ('to = ["a",\n[bridge.a]\n', "unclosed '['", "add ']' at the end of the list"),
    "unclosed list before a key": (
        "to = ['a'\nb = 1",
        "unclosed '['",
        "add ']' at the end of the list",
    ),
    "unclosed quote": ('a = "abc\nb = 1\n', "unclosed quote", 'add " at its end'),
    "unclosed single quote": ("a = 'abc\n", "unclosed quote", "add ' at its end"),
    "unclosed long text": ('a = """x\ny\n', "unclosed quote", 'add """ at its end'),
    "unclosed braces": ("a = { b = 1\n", "unclosed '{'", "add '}' at its end"),
    "unclosed header": ("[bridge.a\n", "unclosed '['", "add ']' at the end of the name"),
    "half a list header": ("[[route]\n", "unclosed '[['", "write [[route]]"),
    "comma in a number": ("a = 0,5\n", "comma in a number", "write 0.5"),
    "no digit before the point": ("a = .5\n", "missing digit at the point", "write 0.5"),
    "Python's true": ("a = True\n", "unknown value True", "write true"),
    "Windows path": (
        'a = "C:\\Users"\n',
        "'\\' starts an escape",
        "write '...' around the text, or two '\\' for each",
    ),
    "byte order mark": ("\ufeffa = 1\n", "byte order mark (BOM)", "delete it"),
    "no-break space": ("a\u00a0= 1\n", "invisible character U+00A0", "write a space"),
    "carriage return": (
        "a = 1\rb = 2\r",
        "carriage return (CR) alone",
        "save with LF",
    ),
    "trailing comma": ("a = { b = 1, }\n", "comma before '}'", "remove the comma"),
    "two keys in a line": ("a = 1 b = 2\n", "second key in a line", "write each in its own line"),
    "text after a header": (
        "[run] a = 1\n",
        "unexpected text after ']'",
        "write it in the next line",
    ),
}


def error_of(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse_toml(text, "show.toml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(("text", "cause", "fix"), CASES.values(), ids=CASES)
def test_toml_error_names_the_cause_and_the_fix(text: str, cause: str, fix: str) -> None:
    first, line, *rest = error_of(text)
    assert first.startswith("show.toml: not valid TOML: line ")
    assert first.partition(": line ")[2].partition(": ")[2] == cause
    number, _, shown = line.strip().partition(" |")
    assert f": line {number}: " in first
    assert shown.strip().replace("�", "") in text.replace("\ufeff", "").replace(
        "\u00a0", ""
    ).replace("\r", "")
    assert " ".join(each.partition("|")[2].strip(" ^") for each in rest).strip() == fix
    assert len(PREFIX + first) <= COLUMNS
    assert max(map(len, (line, *rest))) <= COLUMNS


@pytest.mark.parametrize(
    ("text", "under"),
    [
        ("a = 1\n\tlisten\t=\tudp://x\n", "udp://x"),
        ("a = " + "1_" * 200 + "x\n", "x"),
        ('to = ["a" "b"]\n', '"b"]'),
        ("[bridge.stage left]\n", "stage left]"),
        ('a = "abc\nb = 1\n', '"abc'),
    ],
    ids=["tabs", "long line", "list", "name", "unclosed"],
)
def test_caret_points_at_the_cause(text: str, under: str) -> None:
    _, line, caret, *_ = error_of(text)
    shown = line[caret.index("^") :]
    assert shown == under or len(text) > COLUMNS
    assert len(line) <= COLUMNS


def test_line_of_an_error_is_that_of_a_file_with_windows_line_endings() -> None:
    first, line, _ = error_of("[bridge.a]\r\nlisten = x\r\n")
    assert ": line 2: missing quotes" in first
    assert line == "  2 | listen = x"


def test_control_characters_of_the_file_are_not_printed() -> None:
    assert all(each.isprintable() for each in error_of('a = "\x1b[2J"\n'))


@pytest.mark.parametrize("piece", ["“", "[", "{", '"', "a.", "a =", "\\", "'''", "\r", "é "])
def test_huge_broken_files_are_explained_in_bounded_time(piece: str) -> None:
    text = f"a = 1\nb = {piece * 300_000}"
    start = time.process_time()
    try:
        parse_toml(text, "show.toml")
    except ConfigurationError as error:
        assert max(map(len, str(error).splitlines())) <= COLUMNS
    assert time.process_time() - start < 5
