"""Messages to bytes and back, with everything that comes with them."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from pydantic import ConfigDict

from oscbridge import DecodeError, Delivery, EncodeError, Message, Options, Origin, TimeTag
from oscbridge.bridge.hops import hops_of, origin_after
from oscbridge.bridge.sinks.spool import serializer as module
from oscbridge.bridge.sinks.spool.serializer import SpoolSerializer


class Topic(Options):
    topic: str = "default"
    qos: int = 0
    levels: tuple[int, ...] = ()


def decoded(message: Message) -> Message:
    found = SpoolSerializer(None).decode(SpoolSerializer(None).encode(message))
    assert isinstance(found, Message)
    return found


def decoded_delivery(delivery: Delivery[Options]) -> Delivery[Options]:
    found = SpoolSerializer(Topic).decode(SpoolSerializer(Topic).encode(delivery))
    assert isinstance(found, Delivery)
    return found


def routed(options: Options | None, captures: Mapping[str, str] | None = None) -> Delivery[Options]:
    return Delivery(Message("/n", "i", (1,)), options, captures or {})


@pytest.mark.parametrize(
    "message",
    [
        Message("/n"),
        Message("/n", None, ()),
        Message("/n", None, (b"rest",)),
        Message("/n", "hdSbTN[i[s]]", (1, 1.5, "s", b"b", True, None, [2, ["x"]])),
        Message("/ä/" + "long" * 30_000, "s", ("ü" * 200_000,)),
        Message("/n", "i", (1,), TimeTag.from_unix(1.8e9)),
        Message("/n", "i", (1,), None, Origin("stage", ("10.0.0.7", 5000))),
        Message("/n", "i", (1,), None, Origin("web", 17)),
    ],
)
def test_decoded_message_equals_the_encoded_one(message: Message) -> None:
    assert decoded(message) == message


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(Message("/n", "i", (1,), TimeTag(1), Origin("desk", None)), None, {"n": "3"}),
        routed(Topic(topic="a/b", qos=1, levels=(1, 2)), {"ch": "01", "": "ü"}),
        routed(Topic()),
        routed(None),
    ],
)
def test_decoded_delivery_equals_the_encoded_one(delivery: Delivery[Options]) -> None:
    assert decoded_delivery(delivery) == delivery


@pytest.mark.parametrize("hops", [0, 3])
def test_hops_are_kept_though_origins_with_different_hops_are_equal(hops: int) -> None:
    serializer = SpoolSerializer(None)
    for count in (hops, 0, hops):
        message = Message("/n", origin=origin_after("stage", ("10.0.0.7", 5000), count))
        assert hops_of(serializer.decode(serializer.encode(message)).origin) == count


def test_array_is_not_nested_when_decoded() -> None:
    message = Message("/n", "[ff]", ([0.5, 0.25],))
    assert decoded(message) == message


def test_unset_options_stay_unset() -> None:
    options = decoded_delivery(routed(Topic(qos=1))).options
    assert options is not None
    assert options.model_fields_set == {"qos"}


def test_peer_that_cannot_be_encoded_is_omitted() -> None:
    origin = decoded(Message("/n", origin=origin_after("web", frozenset({1}), 2))).origin
    assert origin == Origin("web", None)
    assert hops_of(origin) == 2


def test_messages_of_one_route_share_it_when_decoded() -> None:
    """So an endpoint can cache what it derives from a route."""
    serializer = SpoolSerializer(Topic)
    written = [serializer.encode(routed(Topic(qos=1), {"n": str(n % 2)})) for n in range(4)]
    first, second, third, fourth = (serializer.decode(each)[1:] for each in written)
    for one, other in ((first, third), (second, fourth)):
        assert all(a is b for a, b in zip(one, other, strict=True))
    assert first[0] is not second[0]


def test_route_removed_from_the_cache_is_not_mistaken_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_CONTEXTS", 3)
    serializer = SpoolSerializer(Topic)
    for number in range(50):
        message = routed(Topic(qos=number))
        assert serializer.decode(serializer.encode(message)) == message


def test_invalid_message_cannot_be_encoded() -> None:
    with pytest.raises(EncodeError):
        SpoolSerializer(None).encode(Message("/n", "i", ("text",)))
    with pytest.raises(ValueError, match="serialize"):
        SpoolSerializer(None).encode(routed(Odd(what=object())))


class Odd(Options):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    what: object


def test_options_that_the_endpoint_no_longer_accepts_cannot_be_decoded() -> None:
    class Other(Options):
        channel: int

    data = SpoolSerializer(Topic).encode(routed(Topic(qos=1)))
    with pytest.raises(ValueError, match="channel"):
        SpoolSerializer(Other).decode(data)
    with pytest.raises(DecodeError):
        SpoolSerializer(None).decode(data)


def test_damaged_payload_raises_only_documented_errors() -> None:
    chance = random.Random(1)
    serializer = SpoolSerializer(Topic)
    message = Message("/n", "if", (1, 2.0), None, Origin("a", 1))
    message = Delivery(message, Topic(qos=1), {"n": "3"})
    data = serializer.encode(message)
    for _ in range(3_000):
        changed = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(data))] = chance.randrange(256)
        try:
            serializer.decode(bytes(changed[: chance.randrange(1, len(data) + 1)]))
        except (DecodeError, ValueError):
            continue
