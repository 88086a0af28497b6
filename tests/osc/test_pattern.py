"""Address patterns: a table for both dialects, and a comparison with a simple matcher."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oscbridge.errors import PatternError
from oscbridge.osc.pattern import MAX_WILDCARDS, Pattern, Subject, is_pattern

# Pattern, matching addresses, other addresses.
BOTH: list[tuple[str, list[str], list[str]]] = [
    ("/a/b", ["/a/b"], ["/a", "/a/b/c", "/a/B", "/a/b/", "a/b", ""]),
    ("/a.b+(c)$", ["/a.b+(c)$"], ["/aXb+(c)$"]),
    ("/?", ["/a", "/ä", "/?"], ["/", "/ab", "//"]),
    ("/a?c", ["/abc", "/a-c"], ["/ac", "/a/c", "/abbc"]),
    ("/a/?/c", ["/a/b/c"], ["/a//c", "/a/bb/c"]),
    ("/*", ["/", "/a", "/abc"], ["", "a"]),
    ("/a*", ["/a", "/ab", "/abc"], ["/b", "/"]),
    ("/*c", ["/c", "/abc", "/cc"], ["/abcd"]),
    ("/a*c*e", ["/ace", "/abcde", "/acece"], ["/ac", "/aec"]),
    ("/a**b", ["/ab", "/axxb"], ["/a"]),
    ("/*/*", ["/a/b", "//"], ["/a", "/"]),
    ("/[abc]", ["/a", "/b", "/c"], ["/d", "/", "/ab", "/[abc]"]),
    ("/[a-c]", ["/a", "/b", "/c"], ["/d", "/-"]),
    ("/[c-a]", ["/a", "/b", "/c"], ["/d"]),
    ("/[a-cx-z]", ["/b", "/y"], ["/d", "/-"]),
    ("/[a-]", ["/a", "/-"], ["/b"]),
    ("/[-a]", ["/a", "/-"], ["/b"]),
    ("/[!a]", ["/b", "/!"], ["/a", "/", "//", "/bc"]),
    ("/[!a-c]", ["/d", "/-"], ["/a", "/b", "/c"]),
    ("/[!a-]", ["/b"], ["/a", "/-"]),
    ("/[a!]", ["/a", "/!"], ["/b"]),
    ("/[*?]", ["/*", "/?"], ["/a"]),
    ("/[]", [], ["/", "/a"]),
    ("/[.-0]", ["/.", "/0"], ["//", "/1"]),  # a slash is between . and 0
    ("/a/[0-9][0-9]", ["/a/07"], ["/a/7", "/a/007"]),
    ("/{a,b}", ["/a", "/b"], ["/c", "/", "/ab", "/a,b", "/{a,b}"]),
    ("/{a,ab}c", ["/ac", "/abc"], ["/c", "/abbc"]),
    ("/{a,ab}{bc,c}", ["/abc", "/ac", "/abbc"], ["/ab"]),
    ("/x{,y}", ["/x", "/xy"], ["/xyy"]),
    ("/{foo,bar}/{1,2}", ["/foo/1", "/bar/2"], ["/foo/3", "/foo"]),
    ("/{*,?}", ["/*", "/?"], ["/a"]),
    ("//b", ["/b", "/a/b", "/x/y/b"], ["/ab", "/b/c", "b"]),
    ("/a//b", ["/a/b", "/a/x/b", "/a/x/y/b"], ["/ab", "/a", "/a/xb", "/b"]),
    ("/a////b", ["/a/b", "/a/x/b"], ["/ab"]),
    ("//", ["/", "/a/"], ["/a"]),
    ("//*", ["/a", "/a/b"], ["a"]),
    ("//b//d", ["/b/d", "/a/b/c/d"], ["/d/b"]),
    ("/ä/*", ["/ä/ö"], ["/a/ö"]),
]
INCOMING = [
    *BOTH,
    ("/a*", [], ["/a/b", "/ab/c"]),
    ("/*/c", ["/a/c", "//c"], ["/a/b/c", "/c"]),
    ("/*", [], ["/a/b", "//"]),
    ("/{a}", ["/a"], ["/b"]),
    ("/{}", ["/"], ["/a"]),
    ("/fader{n}", ["/fadern"], ["/fader1"]),
]
MAPPED = [
    *BOTH,
    ("/a*", ["/a/b", "/ab/c/d"], ["/b/a"]),
    ("/*/c", ["/a/c", "/a/b/c"], ["/c"]),
    ("*", ["", "/", "/a/b"], []),
    ("/{name}", ["/a", "/abc", "/name"], ["/", "/a/b", "//"]),
    ("/fader{n}", ["/fader1", "/fader12", "/fader{n}"], ["/fader", "/fader1/x", "/fade1"]),
    ("/{a}/{b}", ["/x/y"], ["/x", "/x/", "/x/y/z"]),
    ("/{a}{b}", ["/xy", "/xyz"], ["/x"]),
]


def cases(
    table: list[tuple[str, list[str], list[str]]],
) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("text", "address", "expected"),
        [(text, a, True) for text, yes, _ in table for a in yes]
        + [(text, a, False) for text, _, no in table for a in no],
    )


@cases(INCOMING)
def test_incoming_pattern_matches_as_specified_by_osc(
    text: str, address: str, expected: bool
) -> None:
    assert Pattern(text).matches(Subject(address)) is expected
    assert by_the_letter(text, address, mapped=False) is expected


@cases(MAPPED)
def test_mapped_pattern_matches_as_users_expect(text: str, address: str, expected: bool) -> None:
    pattern = Pattern(text, mapped=True)
    assert pattern.matches(Subject(address)) is expected
    assert (pattern.capture(Subject(address)) is not None) is expected
    assert by_the_letter(text, address, mapped=True) is expected


CAPTURES = [
    ("/fader{n}", "/fader12", {"n": "12"}),
    ("/{page}/fader{n}", "/1/fader12", {"page": "1", "n": "12"}),
    ("/{n}_{m}", "/a_b_c", {"n": "a_b", "m": "c"}),
    ("/{a}{b}", "/xyz", {"a": "xy", "b": "z"}),
    ("/*/{last}", "/a/b/c", {"last": "c"}),
    ("/{first}*", "/a/b/c", {"first": "a"}),
    ("//{last}", "/a/b/c", {"last": "c"}),
    ("/{a}/{b,c}/{d}", "/1/c/3", {"a": "1", "d": "3"}),
    ("/ch[0-9]{n}", "/ch123", {"n": "23"}),
    ("/{_x9}", "/ä", {"_x9": "ä"}),
    ("/a/{p*}", "/a/b/c", {"p": "b/c"}),
    ("/a/{p*}", "/a/b", {"p": "b"}),
    ("/a/{p*}", "/a//b/", {"p": "/b/"}),
    ("/a/{p*}", "/a/", None),
    ("/a{p*}", "/a/b", {"p": "/b"}),
    ("{p*}", "/a/b", {"p": "/a/b"}),
    ("/{page}/{p*}", "/1/a/b", {"page": "1", "p": "a/b"}),
    ("/*/{p*}", "/a/b/c", {"p": "c"}),
    ("/a*", "/abc", {}),
    ("/plain", "/plain", {}),
    ("/fader{n}", "/fader", None),
    ("/{a}/x", "/b/y", None),
]


@pytest.mark.parametrize(("text", "address", "captures"), CAPTURES)
def test_capture_returns_the_matched_text(
    text: str, address: str, captures: dict[str, str] | None
) -> None:
    assert Pattern(text, mapped=True).capture(Subject(address)) == captures


def test_captures_of_a_pattern_are_named_in_order() -> None:
    assert Pattern("/{page}/{n}/{a,b}", mapped=True).captures == ("page", "n")
    assert Pattern("/{page}/{n}").captures == ()


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize(
    "text", ["/[", "/[a", "/]", "/a]", "/{", "/{a", "/{a,b", "/}", "/a}", "/{a,{b}}", "/{{a,b},c}"]
)
def test_malformed_pattern_is_rejected(text: str, mapped: bool) -> None:
    with pytest.raises(PatternError, match=r"/"):
        Pattern(text, mapped=mapped)


@pytest.mark.parametrize("text", ["/{}", "/{1a}", "/{a b}", "/{a-b}", "/{*}", "/{a/b}", "/{ä}"])
def test_capture_with_an_invalid_name_is_rejected(text: str) -> None:
    with pytest.raises(PatternError, match="not a valid name"):
        Pattern(text, mapped=True)


@pytest.mark.parametrize("text", ["/{a}/{a}", "/{a}/{a*}"])
def test_duplicate_capture_is_rejected(text: str) -> None:
    with pytest.raises(PatternError, match="duplicate name"):
        Pattern(text, mapped=True)


@pytest.mark.parametrize("text", ["/{p*}/", "/{p*}x", "/{p*}{q}", "/{p*}*", "/{p*}{q*}"])
def test_capture_of_the_rest_of_an_address_must_be_at_its_end(text: str) -> None:
    with pytest.raises(PatternError, match=r"\{p\*\} captures the rest of the address and must"):
        Pattern(text, mapped=True)


@pytest.mark.parametrize("wildcard", ["?", "[a]", "{a,b}", "a*", "a//"])
def test_number_of_wildcards_is_bounded(wildcard: str) -> None:
    Pattern("/" + wildcard * MAX_WILDCARDS)
    with pytest.raises(PatternError, match=str(MAX_WILDCARDS)):
        Pattern("/" + wildcard * (MAX_WILDCARDS + 1))


@pytest.mark.parametrize(
    ("address", "expected"),
    [("/a/b", False), ("/", False), ("/a,b-c!", False), ("/a*", True), ("/?", True), ("/[", True),
     ("/]", True), ("/{", True), ("/}", True), ("/a//b", True)],
)  # fmt: skip
def test_address_with_any_wildcard_is_a_pattern(address: str, expected: bool) -> None:
    assert is_pattern(address) is expected


def by_the_letter(pattern: str, address: str, *, mapped: bool) -> bool:
    """Match by trying everything, as simply as possible."""
    if not pattern:
        return not address
    if pattern.startswith("//"):
        rest = pattern.lstrip("/")
        return address.startswith("/") and any(
            by_the_letter(rest, address[n + 1 :], mapped=mapped)
            for n in range(len(address))
            if address[n] == "/"
        )
    first, rest = pattern[0], pattern[1:]
    if first == "*":
        return any(
            by_the_letter(rest, address[n:], mapped=mapped)
            for n in range(len(address) + 1)
            if mapped or "/" not in address[:n]
        )
    if first == "{":
        inner, _, rest = rest.partition("}")
        if mapped and "," not in inner:
            return any(
                by_the_letter(rest, address[n:], mapped=mapped)
                for n in range(1, len(address) + 1)
                if "/" not in address[:n]
            )
        return any(
            address.startswith(text) and by_the_letter(rest, address[len(text) :], mapped=mapped)
            for text in inner.split(",")
        )
    if not address:
        return False
    if first == "?":
        fits = address[0] != "/"
    elif first == "[":
        inner, _, rest = rest.partition("]")
        fits = address[0] != "/" and in_class(inner, address[0])
    else:
        fits = address[0] == first
    return fits and by_the_letter(rest, address[1:], mapped=mapped)


def in_class(inner: str, character: str) -> bool:
    if inner.startswith("!"):
        return not in_class(inner[1:], character) if inner[1:2] != "!" else character != "!"
    members = set()
    while inner:
        if inner[1:2] == "-" and len(inner) > 2:
            low, high = sorted((ord(inner[0]), ord(inner[2])))
            members |= {chr(code) for code in range(low, high + 1)}
            inner = inner[3:]
        else:
            members.add(inner[0])
            inner = inner[1:]
    return character in members


letters = st.text("abc/", max_size=4)
classes = st.builds("[{}{}]".format, st.sampled_from(["", "!"]), st.text("abc-", max_size=4))
choices = st.lists(st.text("abc", max_size=3), min_size=2, max_size=4).map(
    lambda texts: "{" + ",".join(texts) + "}"
)
wild = st.sampled_from(["*", "?", "//", "/", "**"])
texts = st.lists(letters | classes | choices | wild, max_size=7).map(lambda p: "/" + "".join(p))
addresses = st.text("abc/", max_size=12).map(lambda text: "/" + text)


@settings(max_examples=300, deadline=None)
@given(texts, addresses, st.booleans())
def test_pattern_agrees_with_a_simple_matcher(text: str, address: str, mapped: bool) -> None:
    pattern = Pattern(text, mapped=mapped)
    assert pattern.matches(Subject(address)) is by_the_letter(text, address, mapped=mapped)


named = st.lists(
    st.sampled_from(["{}", "{}", "*", "?", "/", "a", "b", "//", "[ab]", "{a,b}"]), max_size=7
).map(
    lambda pieces: "/" + "".join(
        f"{{n{index}}}" if piece == "{}" else piece for index, piece in enumerate(pieces)
    )
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(named, addresses)
def test_captures_put_into_their_pattern_match_the_same_address(text: str, address: str) -> None:
    captures = Pattern(text, mapped=True).capture(Subject(address))
    assert (captures is not None) is by_the_letter(text, address, mapped=True)
    for name, value in (captures or {}).items():
        assert value
        assert "/" not in value
        text = text.replace(f"{{{name}}}", value)
    assert captures is None or by_the_letter(text, address, mapped=True)


@settings(max_examples=200, deadline=None)
@given(st.text("ab/", max_size=4).filter(lambda text: "//" not in text), addresses)
def test_capture_of_the_rest_matches_like_a_star_that_is_not_empty(
    start: str, address: str
) -> None:
    found = Pattern(start + "{p*}", mapped=True).capture(Subject(address))
    rest = address.removeprefix(start) if address.startswith(start) else ""
    assert found == ({"p": rest} if rest else None)


HOSTILE = [
    "/**********x",
    "/" + "*a" * 32 + "b",
    "/" + "*?" * 16 + "x",
    "/" + "{a,aa,aaa}" * 32 + "x",
    "/" + "{" + ",".join("a" * n for n in range(44)) + "}" * 1 + "x",
    "/" + "{a,b}" * 32,
    "/" + "[!b]" * 32 + "*x",
    "/" + "//a" * 16 + "x",
    "/" + "*" * 1_000,
    "/" + "a" * 1_000 + "*",
    "/" + "/" * 1_000 + "x",
    "/{" + "a," * 480 + "}*x",
    "/[" + "a-z" * 330 + "]x",
    "/" + "[" * 1_000,
    "/" + "{" * 1_000,
]


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:16])
def test_hostile_pattern_costs_little(text: str, mapped: bool) -> None:
    started = time.process_time()
    try:
        pattern = Pattern(text, mapped=mapped)
    except PatternError:
        pass
    else:
        for address in ("/" + "a" * 1_000, "/a" * 500, "/" * 1_000, "/" + "a" * 999 + "x"):
            pattern.matches(Subject(address))
    assert time.process_time() - started < 1  # a few milliseconds; backtracking would take years


def test_hostile_address_costs_little_to_capture_from() -> None:
    pattern = Pattern("/{a}{b}{c}{d}*{e}*{f}x", mapped=True)
    started = time.process_time()
    assert pattern.capture(Subject("/" + "a" * 1_000 + "x")) is not None
    assert pattern.capture(Subject("/" + "a" * 1_000)) is None
    assert time.process_time() - started < 2
