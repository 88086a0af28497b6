"""Addresses before and after a route: compared with what the route itself does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.address_space import AddressBook, AddressInfo, ValueRange
from oscbridge.address_space.merging import finished
from oscbridge.bridge.addresses.capturing import MAX_SLOW
from oscbridge.bridge.addresses.projection import RouteProjection
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.pure_steps import PureSteps
from oscbridge.osc import Argument, Message
from oscbridge.osc.pattern import Pattern, Subject

UNIT = ValueRange(0, 1)
DB = ValueRange(-90, 10)
PLAIN = AddressInfo("/ch/01/mix/fader", "f", (UNIT,), "dB", description="Fader 1")
PAIR = AddressInfo("/pair", "ff", (UNIT, DB), "deg")
MIDI = ValueRange(0, 127)
TEXT = AddressInfo("/name", "s")
TRIGGER = AddressInfo("/go", "")
BOOK = AddressBook([PLAIN, PAIR, TEXT, TRIGGER])

Facts = tuple[str, str, tuple[ValueRange | None, ...], str]


def config(**keys: object) -> RouteConfig:
    return RouteConfig(**keys)  # type: ignore[arg-type]


def short(infos: Iterator[AddressInfo]) -> list[Facts]:
    return [(each.address, each.types, each.ranges, each.unit) for each in infos]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"match": "/ch/*"}, [("/ch/01/mix/fader", "f", (UNIT,), "dB")]),
        ({"match": "/ch/{n}/mix/fader", "send": "/f/{n} {0}"}, [("/f/01", "f", (UNIT,), "dB")]),
        ({"match": "/pair", "send": "/x {1}"}, [("/x", "f", (DB,), "deg")]),
        ({"match": "/pair", "send": "/x {1} a {0:i}"}, [("/x", "fsi", (DB, None, UNIT), "")]),
        ({"match": "/pair", "send": "{address} {*}"}, [("/pair", "ff", (UNIT, DB), "deg")]),
        ({"match": "/pair", "send": "/x{address} {*}"}, [("/x/pair", "ff", (UNIT, DB), "deg")]),
        ({"match": "/pair", "send": "/x {2}"}, []),
        ({"match": "/pair", "send": "/x/{0}"}, []),
        ({"match": "/pair", "send": "/x/{= x}"}, []),
        ({"match": "/pair", "send": "/x {= x * 2}"}, [("/x", "", (), "")]),
        ({"match": "/pair", "function": "math:sqrt"}, []),
        ({"match": "/pair", "json": ()}, []),
        ({"match": "/name", "json": ()}, []),
        ({"match": "/name", "json": (), "send": "{address}/x {0}"}, []),
        ({"match": "/name", "json": (), "send": "/x {0}"}, [("/x", "", (), "")]),
        ({"match": "/{n}", "json": (), "send": "/x/{n} {0}"},
         [("/x/name", "", (), ""), ("/x/go", "", (), "")]),
        ({"match": "/name", "json": (), "types": "i", "send": "/x {0}"}, [("/x", "i", (), "")]),
        ({"match": "/name", "json": (), "types": "i", "scale": (0, 1, 0, 127), "send": "/x {0}"},
         [("/x", "i", (MIDI,), "")]),
        ({"match": "/pair", "types": "ff"}, [("/pair", "ff", (UNIT, DB), "deg")]),
        ({"match": "/pair", "types": "i"}, []),
        ({"match": "/go", "types": "i"}, [("/go", "i", (), "")]),
        ({"match": "/pair", "scale": (0, 1, 0, 127)}, [("/pair", "ii", (MIDI,) * 2, "")]),
        ({"match": "/name", "scale": (0, 1, 0, 127)}, [("/name", "s", (), "")]),
        ({"match": "/none"}, []),
    ],
)  # fmt: skip
def test_forward_gives_the_facts_after_a_route(
    keys: dict[str, object], expected: list[Facts]
) -> None:
    assert short(RouteProjection(config(**keys)).forward(BOOK)) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"match": "/ch/*"}, [("/ch/01/mix/fader", "f", (UNIT,), "dB")]),
        ({"match": "/f/{n}", "send": "/ch/{n}/mix/fader {0}"}, [("/f/01", "f", (UNIT,), "dB")]),
        ({"match": "/f/{n}", "send": "/ch/{n}/mix/fader {0:f}"}, [("/f/01", "f", (UNIT,), "dB")]),
        ({"match": "/f/{n}", "send": "/ch/{n}/mix/fader 1"}, [("/f/01", "", (), "")]),
        ({"match": "/f/{n*}", "send": "/{n} {*}"}, [
            ("/f/ch/01/mix/fader", "f", (UNIT,), "dB"),
            ("/f/pair", "ff", (UNIT, DB), "deg"),
            ("/f/name", "s", (), ""),
            ("/f/go", "", (), ""),
        ]),
        ({"match": "/{a,b}/{1..2}", "send": "/pair {*}"}, [
            (f"/{x}/{n}", "ff", (UNIT, DB), "deg") for x in "ab" for n in "12"
        ]),
        ({"match": "/desk{address}"}, []),
        ({"match": "*", "send": "/x{address} {*}"}, []),
        ({"match": "/*", "send": "/pai{address} {*}"}, []),
        ({"match": "/{a}/{b}", "send": "/{a}{b} {0}"}, [
            ("/pai/r", "", (), ""), ("/nam/e", "s", (), ""), ("/g/o", "", (), ""),
        ]),
        ({"match": "/f/*", "send": "/pair {*}"}, []),
        ({"match": "/f/{n}", "send": "/pair {*}"}, []),
        ({"match": "/f", "send": "/{0}"}, []),
        ({"match": "/f", "send": "/pair {= x} {= y}"}, [("/f", "", (), "")]),
        ({"match": "/pair", "function": "math:sqrt"}, []),
        ({"match": "/pair", "json": ()}, []),
        ({"match": "/f", "json": (), "send": "/pair {*}"}, [("/f", "s", (), "")]),
        ({"match": "/pair", "types": "ii"}, [("/pair", "ii", (), "deg")]),
        ({"match": "/go", "types": "i"}, [("/go", "i", (), "")]),
        ({"match": "/ch/*", "scale": (0, 127, 0, 1)}, [("/ch/01/mix/fader", "", (MIDI,), "")]),
    ],
)  # fmt: skip
def test_backward_gives_the_facts_before_a_route(
    keys: dict[str, object], expected: list[Facts]
) -> None:
    assert short(RouteProjection(config(**keys)).backward(BOOK)) == expected


def test_projection_of_an_unchanged_message_keeps_the_description() -> None:
    projection = RouteProjection(config(match="/ch/*"))
    assert next(projection.forward(BOOK)) is PLAIN
    assert next(projection.backward(BOOK)) is PLAIN


@pytest.mark.parametrize(
    ("keys", "incoming", "outgoing"),
    [
        ({"match": "/a"}, [("/a", "", (), "")], [("/a", "", (), "")]),
        ({"match": "/a", "types": "f"}, [("/a", "f", (), "")], [("/a", "f", (), "")]),
        (
            {"match": "/a", "scale": (0, 1, 127, 0)},
            [("/a", "f", (UNIT,), "")],
            [("/a", "i", (MIDI,), "")],
        ),
        (
            {"match": "/a", "types": "sf", "scale": (0, 1, 0, 0.5)},
            [("/a", "sf", (None, UNIT), "")],
            [("/a", "sf", (None, ValueRange(0, 0.5)), "")],
        ),
        ({"match": "/a", "types": "f", "json": ()}, [("/a", "s", (), "")], []),
        (
            {"match": "/a", "types": "f", "json": (), "send": "/x {0}"},
            [("/a", "s", (), "")],
            [("/x", "f", (), "")],
        ),
        ({"match": "/{1..2}"}, *[[("/1", "", (), ""), ("/2", "", (), "")]] * 2),
        ({"match": "/{n}", "send": "/x {0}"}, [], [("/x", "", (), "")]),
        ({"match": "/{n}", "send": "/x 1 a"}, [], [("/x", "is", (), "")]),
        (
            {"match": "/a", "types": "f", "send": "/x a {0}"},
            [("/a", "f", (), "")],
            [("/x", "sf", (), "")],
        ),
        ({"match": "/a", "send": "/x{address} {0}"}, [("/a", "", (), "")], [("/x/a", "", (), "")]),
        ({"match": "/a", "send": "/x/{0}"}, [("/a", "", (), "")], []),
        ({"match": "/a", "function": "math:sqrt"}, [("/a", "", (), "")], []),
        ({"match": "*"}, [], []),
    ],
)  # fmt: skip
def test_route_itself_names_addresses(
    keys: dict[str, object], incoming: list[Facts], outgoing: list[Facts]
) -> None:
    projection = RouteProjection(config(**keys))
    assert short(map(finished, projection.incoming())) == incoming
    assert short(map(finished, projection.outgoing())) == outgoing


# --- compared with the route ---------------------------------------------------------------------

MATCHES = [
    "*", "/a/*", "/a/{n}", "/{m}/{n}", "/{m}/b", "/a/{b,c}", "/a/{1..3}", "/{m*}", "/a/{n*}",
    "/?/b", "/[ab]/{n}", "/a/b", "/a{n}/b", "/{m}{n}/b",
]  # fmt: skip
SENDS = [
    None, "{address} {*}", "/x{address} {*}", "{address}/x {*}", "/a/{n} {*}", "/{n}/{m} {*}",
    "/x/{n}/y 1 {0}", "/a/b {0}", "/{m} {*}", "/b{m} {*}", "/{m}{n} {*}", "/{0}/x", "/a/{n}{n} {*}",
]  # fmt: skip
NAMES = st.sampled_from(["a", "b", "c", "x", "1", "2", "aa", "ab", "xa", "y"])
ADDRESSES = st.lists(NAMES, min_size=1, max_size=3).map(lambda names: "/" + "/".join(names))
VALUES = {"f": 0.25, "i": 1, "s": "text", "": None}


def routed(steps: PureSteps, pattern: Pattern, address: str, types: str) -> Message | None:
    """What a route sends for a message; None if nothing."""
    found = pattern.capture(Subject(address))
    if found is None:
        return None
    args: list[Argument] = [VALUES[tag] for tag in types]
    out: list[Message] = []
    bound = steps.bind(address, types, found, out.append)
    if bound is not None:
        bound(Message(address, types, tuple(args)))
    return out[0] if out else None


@st.composite
def configs(draw: st.DrawFn) -> RouteConfig:
    match = draw(st.sampled_from(MATCHES))
    captures = Pattern(match, mapped=True).captures
    fitting = [
        s for s in SENDS if s is None or all(f"{{{n}}}" not in s or n in captures for n in "mn")
    ]
    return RouteConfig(
        match=match,
        send=draw(st.sampled_from(fitting)),
        scale=draw(st.sampled_from([None, (0, 1, 0, 127), (0, 1, -1.0, 1.0)])),
        types=draw(st.sampled_from([None, "f", "i"])),
    )


@given(configs(), st.lists(ADDRESSES, unique=True, max_size=12), st.sampled_from(["f", "i", "s"]))
def test_forward_is_what_the_route_sends(
    route: RouteConfig, addresses: list[str], types: str
) -> None:
    book = AddressBook(AddressInfo(address, types) for address in addresses)
    steps, pattern = PureSteps(route), Pattern(route.match, mapped=True)
    found = {(each.address, each.types) for each in RouteProjection(route).forward(book)}
    expected = set()
    for address in addresses:
        message = routed(steps, pattern, address, types)
        if message is not None and "{0}/" not in (route.send or ""):
            expected.add((message.address, message.types))
    assert found == expected


@given(configs(), st.lists(ADDRESSES, unique=True, max_size=12), st.sampled_from(["f", "i", "s"]))
def test_backward_is_what_the_route_sends_there(
    route: RouteConfig, addresses: list[str], types: str
) -> None:
    book = AddressBook(AddressInfo(address, types) for address in addresses)
    steps, pattern = PureSteps(route), Pattern(route.match, mapped=True)
    for each in RouteProjection(route).backward(book):
        message = routed(steps, pattern, each.address, each.types or route.types or types)
        assert message is not None
        assert message.address in book


@given(
    st.lists(ADDRESSES, unique=True, max_size=12), st.sampled_from(["/a/{n}", "/{m}/b", "/{m}/{n}"])
)
def test_backward_finds_all_addresses_of_a_plain_route(addresses: list[str], match: str) -> None:
    """From the addresses that it sends for some, it finds all of these."""
    names = Pattern(match, mapped=True).captures
    send = "/to/" + "/".join(f"{{{name}}}" for name in names) + " {*}"
    projection = RouteProjection(RouteConfig(match=match, send=send))
    book = AddressBook(AddressInfo(address, "f") for address in addresses)
    after = AddressBook(projection.forward(book))
    expected = set(book.matching(match))
    assert {each.address for each in projection.backward(after)} == expected


def test_backward_takes_bounded_time() -> None:
    """Where several addresses are possible before a route, and each must be tried."""
    config = RouteConfig(match="/x/{1..1000}/{a}{b}", send="/y/{a}/{b} {*}")
    known = [AddressInfo(f"/y/{number:04}{'a' * 200}/b") for number in range(2_500)]
    projection = RouteProjection(config)
    before = time.process_time()
    found = list(projection.backward(AddressBook(known)))
    assert time.process_time() - before < 20  # two seconds on an idle machine
    assert len(found) <= MAX_SLOW
    assert projection.left_out
