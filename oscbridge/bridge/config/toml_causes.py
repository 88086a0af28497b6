"""The likely causes of TOML syntax errors, with their fixes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

from oscbridge.bridge.config.toml_problem import Cause, TOMLProblem
from oscbridge.suggestions import plain_name

__all__ = ["cause_of"]

MAX_SHOWN_VALUE: Final = 40
"""Characters of a value that a fix repeats."""

MAX_SCANNED: Final = 1 << 20
"""Characters that are searched for what belongs to the error."""

_CURLY: Final = "“”„‟«»‘’‚‛"
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_KEY: Final = re.compile(r"""(?:[\w.-]|"[^"]*"|'[^']*')+""")
_TOKEN: Final = re.compile(
    r'"""(?:\\.|(?!""").)*"""|'
    r"'''.*?'''|"
    r"\"{3}|'{3}|"  # unclosed
    r'"(?:\\.|[^"\\\n])*"|'
    r"'[^'\n]*'|"
    r"#[^\n]*|[][{}]",
    re.DOTALL,
)
_WORDS: Final = {
    "true": "true", "yes": "true", "on": "true",
    "false": "false", "no": "false", "off": "false",
}  # fmt: skip


def cause_of(error: TOMLProblem) -> Cause | None:
    """The most specific cause that explains an error, if one does."""
    causes = (cause for explain in _EXPLAIN if (cause := explain(error)) is not None)
    return next(causes, None)


def _invisible(error: TOMLProblem) -> Cause | None:
    """A character that an editor does not show, at the error or just before it."""
    for index in (error.position, error.position - 1):
        found = error.text[index : index + 1]
        if found == "\r":
            return Cause(index, "carriage return (CR) alone; save with LF")
        if found == "\ufeff":
            return Cause(index, "byte order mark (BOM); delete it")
        if found and found not in "\n\t " and not found.isprintable():
            name = f"invisible character U+{ord(found):04X}"
            fix = "write a space" if unicodedata.category(found) == "Zs" else "delete it"
            return Cause(index, f"{name}; {fix}")
    return None


def _curly(error: TOMLProblem) -> Cause | None:
    value = error.line.find("=") + 1
    for index, each in enumerate(error.line):
        if each in _CURLY and (index <= error.position - error.start or index >= value):
            outside = _outside_quotes(error.line[:index])
            if outside:
                return Cause(error.start + index, f'curly quote {each}; write straight quotes: "')
    return None


def _outside_quotes(text: str) -> bool:
    return not re.search(r"[\"'#]", re.sub(r'"(?:\\.|[^"\\])*"|' r"'[^']*'", "", text))


def _duplicate(error: TOMLProblem) -> Cause | None:
    if not re.search("twice|overwrite|Duplicate|immutable namespace|Cannot ", error.message):
        return None
    header = re.match(r"\s*\[+\s*(.*?)\s*\]", error.line)
    if header:
        name = re.sub(r"\s*\.\s*", ".", header[1])
        earlier = _line_of(rf"\s*\[+\s*{re.escape(header[1])}\s*\]", error)
        twice = f"[{name}] is already in line {earlier}" if earlier else f"[{name}] exists"
        column = error.start + len(error.line) - len(error.line.lstrip())
        if not error.line.lstrip().startswith("[[") and _line_of(
            rf"\s*\[\[\s*{re.escape(header[1])}\s*\]\]", error
        ):
            return Cause(column, f"single brackets; write [[{name}]] for one more")
        return Cause(column, f"duplicate table; {twice}: join the two, or rename one")
    key = _KEY.match(error.line.lstrip())
    if key is None or "inline" in error.message:
        return Cause(error.position, "duplicate key in { }; remove one")
    table = error.text.rfind("\n[", 0, error.start) + 1
    earlier = _line_of(rf"\s*{re.escape(key[0])}\s*=", error, table)
    where = f"is already in line {earlier}" if earlier else "already has a value"
    column = error.start + len(error.line) - len(error.line.lstrip())
    return Cause(column, f"duplicate key; '{key[0]}' {where}: remove one")


def _line_of(pattern: str, error: TOMLProblem, start: int = 0) -> int:
    """The number of the first line that starts like this before the error; 0 if there is none."""
    lines = error.text[start : error.start].split("\n")
    first = error.text.count("\n", 0, start) + 1
    found = (n for n, each in enumerate(lines, first) if re.match(pattern, each))
    return next(found, 0)


def _unclosed(error: TOMLProblem) -> Cause | None:
    """A string, an array or a table in braces that was opened and not closed."""
    opened: list[int] = []
    position = 0
    head = error.text[: min(error.position, MAX_SCANNED)]
    for token in _TOKEN.finditer(head):
        if token[0] in ('"""', "'''"):
            return Cause(token.start(), f"unclosed quote; add {token[0]} at its end")
        if token[0] in ("[", "{"):
            opened.append(token.start())
        elif token[0] in ("]", "}") and opened:
            opened.pop()
        position = token.end()
    rest = head[position:]
    open_quote = re.search(r"[\"']", rest.rpartition("\n")[2])
    if open_quote and re.search("llegal|ntermin|Expected [\"']", error.message):
        line = rest.rpartition("\n")[2]
        start = error.position - len(line) + open_quote.start()
        curly = next((n for n, each in enumerate(line) if each in _CURLY), -1)
        if curly >= 0:
            where = error.position - len(line) + curly
            return Cause(where, f'curly quote {line[curly]}; write straight quotes: "')
        return Cause(start, f"unclosed quote; add {open_quote[0]} at its end")
    if not opened:
        return None
    before = error.text[: opened[0]].rpartition("\n")[2]
    return _unclosed_bracket(error, opened[0] if before.strip() else opened[-1])


def _unclosed_bracket(error: TOMLProblem, opened: int) -> Cause | None:
    bracket = error.text[opened]
    before = error.text[:opened].rpartition("\n")[2]
    other_line = "\n" in error.text[opened : error.position]
    if not before.strip(" \t["):  # [table
        return (
            Cause(error.position, "unclosed '['; add ']' at the end of the name")
            if (error.message.startswith("Expected ']") and not error.rest)
            else None
        )
    if bracket == "{" and (other_line or error.line.rstrip()[-1:] in ("{", ",")):
        return Cause(opened, "unclosed '{'; add '}' in the same line; or write a [table]")
    if other_line and (
        error.message.startswith("Unclosed") or re.match(r"\s*\[|\s*\S+\s*=", error.line)
    ):
        return Cause(opened, "unclosed '['; add ']' at the end of the list")
    if error.message.startswith("Unclosed"):
        end = "]" if bracket == "[" else "}"
        if not error.rest:
            return Cause(opened, f"unclosed '{bracket}'; add '{end}' at its end")
        return _unexpected_in_list(error, end)
    return None


def _unexpected_in_list(error: TOMLProblem, end: str) -> Cause:
    """Text after an item of a list that is neither a comma nor the end."""
    offset = error.position - error.start
    begin = max(error.line.rfind(each, 0, offset) for each in "[,") + 1
    item = re.split(r"[],}#]", error.line[begin:], maxsplit=1)[0]
    if begin and end == "]" and (value := item.strip()) and not set(value) & set("\"'[{="):
        start = error.start + begin + len(item) - len(item.lstrip())
        fix = f'write "{value}"' if len(value) < MAX_SHOWN_VALUE else "write the text in quotes"
        return Cause(start, f"missing quotes; {fix}")
    if error.rest[0] in "\"'" and error.line[begin:offset].strip():
        return Cause(error.position, "missing ','; add one before it")
    return Cause(error.position, f"expected ',' or '{end}' here")


def _header(error: TOMLProblem) -> Cause | None:
    """The text after the name of a table, or the character that is missing there."""
    header = re.match(r"\s*(\[\[?)([^][]*)(\]*)", error.line)
    if header is None or error.message.startswith("Invalid value"):
        return None
    name = header[2].strip()
    if header[1] == "[[" and header[3] == "]":
        return Cause(error.position, f"unclosed '[['; write [[{name}]]")
    if error.message.startswith("Expected newline"):
        if header[3].startswith("]]"):
            return Cause(error.position, f"unexpected ']'; write [{name}]")
        return Cause(error.position, "unexpected text after ']'; write it in the next line")
    return None


def _statement(error: TOMLProblem) -> Cause | None:
    if not error.message.startswith("Invalid statement"):
        return None
    if error.rest.startswith("="):
        return Cause(error.position, "missing name before '='; write NAME = VALUE")
    if error.rest.startswith(("//", "/*", ";", "--")):
        return Cause(error.position, "unknown comment; write # for a comment")
    return Cause(error.position, "not a key and not a table; write NAME = VALUE or [NAME]")


def _key_needs_quotes(error: TOMLProblem) -> Cause | None:
    header = re.match(r"(\s*\[+\s*)([^]]*)", error.line)
    if header and not error.message.startswith("Invalid value"):
        name = header[2].strip()
        odd = [each for each in re.split(r"\s*\.\s*", name) if not _KEY.fullmatch(each)]
        odd += [] if odd else [e for e in name.split(".") if re.search(r"[^\x00-\x7f]", e)]
        if odd and odd[0] and '"' not in odd[0]:
            column = error.start + header.end(1) + name.find(odd[0])
            is_ours = re.match(r"(?:bridge|endpoint)\s*\.", name)  # quotes would not help
            fixed = name.replace(odd[0], plain_name(odd[0]) if is_ours else f'"{odd[0]}"')
            cause = "not a valid name" if is_ours else "this name needs quotes"
            return Cause(column, f"{cause}; write [{fixed}]")
        if not name:
            return Cause(error.start + header.end(1), "missing name of the table; write e.g. [run]")
        return None
    if not re.search("initial character|after a key", error.message):
        return None
    key, equals, _ = error.line.partition("=")
    key = key.strip()
    start = error.start + len(error.line) - len(error.line.lstrip())
    if error.text[error.position : error.position + 1] == "}":
        return Cause(error.position, "comma before '}'; remove the comma")
    if not equals or not key or set(key) & set("\"'"):
        return None
    if key.isascii() and _KEY.fullmatch(key):
        return None
    if ":" in key and _BARE.fullmatch(key.partition(":")[0].strip()):
        return None
    return Cause(start, f'this name needs quotes; write "{key}" = …')


def _foreign_letters(error: TOMLProblem) -> Cause | None:
    """A key with a letter that TOML allows only in quotes, also in braces."""
    if not re.search("initial character|after a key|Invalid statement", error.message):
        return None
    offset = error.position - error.start
    for word in re.finditer(r"[\w-]+(?=[\w.-]*\s*=)", error.line):
        if word.start() <= offset <= word.end() and not word[0].isascii():
            text = f'this name needs quotes; write "{word[0]}" = …'
            return Cause(error.start + word.start(), text)
    return None


def _equals(error: TOMLProblem) -> Cause | None:
    """A missing ``=``, or another sign in its place."""
    offset = error.position - error.start
    begin = max(error.line.rfind(each, 0, offset) for each in "{,") + 1
    line, start = error.line[begin:], error.start + begin
    sign = re.match(r"(\s*(?:[\w.-]|\"[^\"]*\")+\s*)(:=|=>|==|=:|:)(?!\S*\])", line)
    if sign and re.search("after a key|Invalid value", error.message):
        return Cause(start + sign.end(1), f"unexpected '{sign[2]}'; write '='")
    if not error.message.startswith("Expected '=' after a key"):
        return None
    bare = re.match(r"(\s*[\w.-]+)(?:\s+(\S.*))?$", line)
    if bare:
        key, value = bare[1].strip(), (bare[2] or "").strip()
        shown = value if value and len(value) < MAX_SHOWN_VALUE else "…"
        return Cause(start + bare.end(1), f"missing '='; write {key} = {shown}")
    if header := re.fullmatch(r"\s*([\w.-]+)\]+\s*", error.line):
        return Cause(error.start, f"missing '['; write [{header[1]}]")
    return Cause(error.position, "missing '=' after the name")


def _value(error: TOMLProblem) -> Cause | None:
    """A value that is missing, or written in another way than TOML's."""
    if not re.search("Invalid value|Expected newline|Unclosed", error.message):
        return None
    line, offset = error.line, error.position - error.start
    equals = line.rfind("=", 0, offset + 1) + 1
    open_list = max(line.rfind(each, equals, offset) for each in "[,")
    begin = max(equals, open_list + 1)
    value = re.split(r"\s+#", line[begin:].strip(), maxsplit=1)[0]
    start = error.start + begin + len(line[begin:]) - len(line[begin:].lstrip())
    if not value or value[0] in "#,":
        key = line[:begin].rstrip(" \t=").strip()
        return Cause(min(start, error.start + len(line)), f"missing value of '{key}'")
    if open_list >= 0:
        value = re.split(r"[],}]", value, maxsplit=1)[0].strip()
    if (word := _WORDS.get(value.lower())) and value != word:
        return Cause(start, f"unknown value {value}; write {word}")
    if re.fullmatch(r"[+-]?\d+,\d+", value):
        return Cause(start, f"comma in a number; write {value.replace(',', '.')}")
    if re.fullmatch(r"[+-]?(\.\d+|\d+\.)", value):
        digits = value.lstrip("+-")
        sign = value.removesuffix(digits)
        fixed = f"{sign}0{digits}" if digits.startswith(".") else f"{sign}{digits}0"
        return Cause(start, f"missing digit at the point; write {fixed}")
    if re.fullmatch(r"[+-]?0\d+", value):
        return Cause(start, f"leading zero; write {value.lstrip('+-0') or '0'}")
    if value[0] in "\"'":
        if value[0] in error.rest:
            other = "'...' around it" if value[0] == '"' else '"..." around it'
            return Cause(error.position, f"unexpected text after the quote; write {other}")
        return Cause(error.position, "unexpected text after the value; write # for a comment")
    if error.message.startswith("Expected newline") and re.match(r"[\w.-]+\s*=", error.rest):
        return Cause(error.position, "second key in a line; write each in its own line")
    if value[0] in "[{":
        return None
    fix = f'write "{value}"' if len(value) < MAX_SHOWN_VALUE else "write the text in quotes"
    return Cause(start, f"missing quotes; {fix}")


def _escape(error: TOMLProblem) -> Cause | None:
    if not re.search(r"Unescaped|escape|[Hh]ex value|scalar", error.message):
        return None
    slash = error.text.rfind("\\", 0, error.position + 1)
    text = "'\\' starts an escape; write '...' around the text, or two '\\' for each"
    return Cause(slash, text)


_EXPLAIN: Final[Sequence[Callable[[TOMLProblem], Cause | None]]] = (
    _invisible,
    _curly,
    _duplicate,
    _escape,
    _unclosed,
    _header,
    _key_needs_quotes,
    _foreign_letters,
    _equals,
    _statement,
    _value,
)
