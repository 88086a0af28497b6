"""Errors: `except` clauses of programs for python-osc catch those of this package."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, TypeAlias

import pytest

Call: TypeAlias = Callable[[ModuleType], object]

VALUES: tuple[Any, ...] = (
    *(None, "", "a", "ü", "\ud800", b"", b"a", 1, -1, 1.5, 2**31, 2**63, 2**64, 1e300, True),
    *([], (), [1], (1, 2, 3), {}, object(), complex(1), bytearray(b"ab")),
)
DATAGRAMS: tuple[Any, ...] = (
    b"",
    b"\0",
    b"abc",
    b"abcd",
    b"\0" * 4,
    b"\0\0\0\x08abcd",
    b"\xff" * 8,
    None,
    1,
    "abc",
)
INDEXES: tuple[Any, ...] = (0, 1, 8, 100, -1, None, "0", 0.0)
GET = ("blob", "date", "double", "float", "int", "int64", "midi", "rgba", "timetag", "uint64")
WRITE = ("blob", "date", "double", "float", "int", "int64", "midi", "rgba", "string")
NTP = ("parse_timestamp", "ntp_to_system_time", "system_time_to_ntp")
TARGETS = (
    *(("256.1.1.1", 9), ("192.168.1.300", 9), ("a b", 9)),
    *(("127.0.0.1", -1), ("127.0.0.1", 70_000)),
)
TYPES: tuple[Any, ...] = (None, "i", "f", "s", "b", "m", "x", 1, ["i"], ["i", "i"], ("i",))


def calls() -> Iterator[tuple[str, str, Call]]:
    """Module, description and call."""
    for data in DATAGRAMS:
        for name in GET:
            for index in INDEXES:
                yield call("parsing.osc_types", use, f"get_{name}", data, index)
        yield call("osc_message", use, "OscMessage", data)
        yield call("osc_bundle", use, "OscBundle", data)
    for value in VALUES:
        for name in WRITE:
            yield call("parsing.osc_types", use, f"write_{name}", value)
        for name in NTP:
            yield call("parsing.ntp", use, name, value)
        for tag in TYPES:
            yield call("osc_message_builder", build, "/a", (value, tag))
        yield call("osc_message_builder", build, value)
        yield call("osc_bundle_builder", build_bundle, value)
        yield call("udp_client", send, "SimpleUDPClient", "127.0.0.1", 9, value, 1)
        yield call("udp_client", send, "SimpleUDPClient", "127.0.0.1", 9, "/a", value)
    for host, port in TARGETS:
        yield call("udp_client", send, "SimpleUDPClient", host, port, "/a", 1)
        yield call("tcp_client", send, "SimpleTCPClient", host, port, "/a", 1)


def call(name: str, function: Callable[..., object], *arguments: object) -> tuple[str, str, Call]:
    text = f"{function.__name__}({', '.join(map(repr, arguments))})"
    return name, text, lambda module: function(module, *arguments)


def use(module: ModuleType, name: str, *arguments: object) -> object:
    return getattr(module, name)(*arguments)


def build(module: ModuleType, address: Any, *arguments: tuple[Any, Any]) -> object:
    builder = module.OscMessageBuilder(address)
    for value, tag in arguments:
        builder.add_arg(value, tag)
    return builder.build()


def build_bundle(module: ModuleType, timestamp: Any) -> object:
    return module.OscBundleBuilder(timestamp).build()


def send(module: ModuleType, name: str, host: str, port: int, address: Any, value: Any) -> None:
    with getattr(module, name)(host, port) as client:
        client.send_message(address, value)


def error_of(each: Call, module: ModuleType) -> Exception | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # clients of python-osc leave sockets open
        try:
            each(module)
        except Exception as error:
            return error.with_traceback(None)
    return None


def is_caught(ours: Exception, theirs: Exception) -> bool:
    """Whether an `except` clause for one error catches the other."""
    kind = type(theirs)
    if kind.__module__.startswith("pythonosc"):
        home = importlib.import_module(kind.__module__.replace("pythonosc", "oscbridge"))
        kind = getattr(home, kind.__name__)
    return isinstance(ours, kind)


ACCEPTED = {
    "UnicodeDecodeError": "python-osc does not handle it; here it is a ParseError",
    "AttributeError": "python-osc does not check types; here it is a TypeError",
}
"""Errors of defects in python-osc that are others here."""


def test_errors_are_caught_by_programs_for_python_osc() -> None:
    others = []
    for name, text, each in calls():
        theirs = error_of(each, importlib.import_module(f"pythonosc.{name}"))
        ours = error_of(each, importlib.import_module(f"oscbridge.{name}"))
        if theirs is None or ours is None or type(theirs).__name__ in ACCEPTED:
            continue
        if not is_caught(ours, theirs):
            others.append(f"{text}: {theirs!r}, here {ours!r}")
    assert others == []


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
@pytest.mark.parametrize("name", ["udp_client.UDPClient", "tcp_client.TCPClient"])
def test_port_that_does_not_exist_is_an_error(name: str, port: int) -> None:
    module, _, kind = name.partition(".")
    client = getattr(importlib.import_module(f"oscbridge.{module}"), kind)
    with pytest.raises(OverflowError, match=f"port must be 0 to 65535, got {port}"):
        client("127.0.0.1", port)
