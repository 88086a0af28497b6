"""Messages in bytes, and again: nothing of what came with them is lost."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from pydantic import ConfigDict

from oscbridge import DecodeError, EncodeError, Message, Options, Origin, Routed, TimeTag
from oscbridge.bridge.sinks.spool import serializer as module
from oscbridge.bridge.sinks.spool.serializer import SpoolSerializer, pack, unpack


class Topic(Options):
    topic: str = "default"
    qos: int = 0
    levels: tuple[int, ...] = ()


def there_and_back(message: Message) -> Message:
    codec = SpoolSerializer(Topic)
    return SpoolSerializer(Topic).decode(codec.encode(message))


def routed(options: Options | None, captures: Mapping[str, str] | None = None) -> Message:
    return Message("/n", "i", (1,), route=Routed(options, captures or {}))


@pytest.mark.parametrize(
    "message",
    [
        Message("/n"),
        Message("/n", None, ()),
        Message("/n", None, (b"rest",)),
        Message("/n", "hdSbTN[i[s]]", (1, 1.5, "s", b"b", True, None, [2, ["x"]])),
        Message("/ä/" + "long" * 30_000, "s", ("ü" * 200_000,)),
        Message("/n", "i", (1,), TimeTag.from_unix(1.8e9)),
        Message("/n", "i", (1,), None, Origin("stage", ("10.0.0.7", 5000), 3)),
        Message("/n", "i", (1,), None, Origin("web", 17)),
        Message("/n", "i", (1,), TimeTag(1), Origin("desk", None), Routed(None, {"n": "3"})),
        routed(Topic(topic="a/b", qos=1, levels=(1, 2)), {"ch": "01", "": "ü"}),
        routed(Topic()),
        routed(None),
    ],
)
def test_a_message_is_the_same_again(message: Message) -> None:
    assert there_and_back(message) == message


def test_an_array_does_not_become_a_nested_one_when_it_is_kept() -> None:
    message = Message("/n", "[ff]", ([0.5, 0.25],))
    assert there_and_back(message) == message


def test_options_that_were_not_set_are_not_set_again() -> None:
    route = there_and_back(routed(Topic(qos=1))).route
    assert isinstance(route, Routed)
    assert route.options is not None
    assert route.options.model_fields_set == {"qos"}


def test_a_peer_that_cannot_be_written_is_left_out() -> None:
    origin = Origin("web", frozenset({1}), 2)
    assert there_and_back(Message("/n", origin=origin)).origin == Origin("web", None, 2)


def test_messages_of_one_way_have_one_route_again() -> None:
    """So that an endpoint may remember what it worked out for it."""
    codec = SpoolSerializer(Topic)
    written = [codec.encode(routed(Topic(qos=1), {"n": str(n % 2)})) for n in range(4)]
    first, second, third, fourth = (codec.decode(each).route for each in written)
    assert first is third
    assert second is fourth
    assert first is not second


def test_a_route_that_was_forgotten_is_not_mistaken_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    codec = SpoolSerializer(Topic)
    for number in range(50):
        message = routed(Topic(qos=number))
        assert codec.decode(codec.encode(message)) == message


def test_a_message_that_is_no_osc_cannot_be_written() -> None:
    with pytest.raises(EncodeError):
        SpoolSerializer(None).encode(Message("/n", "i", ("text",)))
    with pytest.raises(ValueError, match="serialize"):
        SpoolSerializer(None).encode(routed(Odd(what=object())))


class Odd(Options):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    what: object


def test_options_that_the_endpoint_does_not_know_any_more_cannot_be_read() -> None:
    class Other(Options):
        channel: int

    data = SpoolSerializer(Topic).encode(routed(Topic(qos=1)))
    with pytest.raises(ValueError, match="channel"):
        SpoolSerializer(Other).decode(data)
    with pytest.raises(DecodeError):
        SpoolSerializer(None).decode(data)


def test_bytes_that_were_changed_raise_nothing_unexpected() -> None:
    chance = random.Random(1)
    codec = SpoolSerializer(Topic)
    message = Message("/n", "if", (1, 2.0), None, Origin("a", 1), Routed(Topic(qos=1), {"n": "3"}))
    data = codec.encode(message)
    for _ in range(3_000):
        changed = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(data))] = chance.randrange(256)
        try:
            codec.decode(bytes(changed[: chance.randrange(1, len(data) + 1)]))
        except (DecodeError, ValueError):
            continue


def test_records_are_packed_and_unpacked() -> None:
    records = [b"one", b"", b"\0" * 100]
    data = pack(records)
    assert list(unpack(data)) == records
    assert list(unpack(data[:-1])) == records[:2]
    assert list(unpack(b"")) == []
