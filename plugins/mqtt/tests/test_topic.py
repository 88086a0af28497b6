"""Topics, addresses, templates and echoes."""

from __future__ import annotations

import pytest

import oscbridge
from oscbridge_mqtt.broker import BrokerURL
from oscbridge_mqtt.echo import ECHO_SECONDS, MAX_ECHOES, Echoes
from oscbridge_mqtt.topic import (
    address_of,
    check_filter,
    check_topic,
    text_template,
    wildcard_parts,
)


@pytest.mark.parametrize(
    ("text", "topic", "parts"),
    [
        ("a/b", "a/b", []),
        ("a/b", "a/c", None),
        ("a/b", "a/b/c", None),
        ("a/b/c", "a/b", None),
        ("a/+", "a/b", ["b"]),
        ("a/+", "a", None),
        ("a/+/c/+", "a/b/c/d", ["b", "d"]),
        ("+/+", "/b", ["", "b"]),
        ("a/#", "a/b/c", ["b/c"]),
        ("a/#", "a", [""]),
        ("#", "a/b", ["a/b"]),
        ("#", "$SYS/a", None),
        ("+/a", "$SYS/a", None),
        ("$SYS/#", "$SYS/a", ["a"]),
    ],
)
def test_wildcard_parts_returns_the_matched_levels(
    text: str, topic: str, parts: list[str] | None
) -> None:
    assert wildcard_parts(text, topic) == parts


@pytest.mark.parametrize(
    ("topic", "prefix", "address"),
    [
        ("a/b", "", "/a/b"),
        ("/a//b/", "", "/a/b"),
        ("studio/a", "studio", "/a"),
        ("studio", "studio", "/studio"),
        ("living room/lamp#1", "", "/living_room/lamp_1"),
        ("a/[b]{c},d?*", "", "/a/_b__c__d__"),
        ("ä/ö", "", "/ä/ö"),
    ],
)
def test_address_of_converts_a_topic(topic: str, prefix: str, address: str) -> None:
    assert address_of(topic, prefix) == address


@pytest.mark.parametrize(
    "text", ["", "a+", "a/+/b", "#", "a\0b", "a\nb", "a\ufffeb", "\ud800", "é" * 40_000]
)
def test_check_topic_rejects_an_invalid_topic(text: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        check_topic(text)


@pytest.mark.parametrize("text", ["a", "+", "#", "a/+/b/#", "/", "$share/g/a/#", "$SYS/#"])
def test_check_filter_accepts_a_valid_filter(text: str) -> None:
    assert check_filter(text) == text


@pytest.mark.parametrize("text", ["", "a+", "a/#/b", "##", "$share/g", "$share/+/a", "$share//a"])
def test_check_filter_rejects_an_invalid_filter(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_filter(text)


def test_template_replaces_only_placeholders() -> None:
    template = text_template('{"state": {0}, "at": "{address}"} {x y}')
    assert [each.name for each in template.placeholders] == ["0", "address"]
    filled = template.fill(lambda placeholder: placeholder.name.upper())
    assert filled == '{"state": 0, "at": "ADDRESS"} {x y}'


@pytest.mark.parametrize(
    ("text", "args", "filled"),
    [
        ('{"a": {0}}', (0.5,), '{"a": 0.5}'),
        ("{0:i} {1:f}", (63.5, "2"), "64 2"),
        ("{*} {*:i}", (1.5, 2), "1.5 2 2 2"),
        ("{n} {n:i} {address}", (), "07 7 /a/07"),
    ],
)
def test_placeholder_text_formats_arguments_and_captures(
    text: str, args: tuple[oscbridge.Argument, ...], filled: str
) -> None:
    message = oscbridge.Message.of("/a/07", *args)
    template = text_template(text)
    assert (
        template.fill(lambda each: oscbridge.placeholder_text(each, message, {"n": "07"}, "/a/07"))
        == filled
    )


@pytest.mark.parametrize(
    ("text", "broker"),
    [
        ("mqtt://a", BrokerURL("mqtt", "a", 1883)),
        ("mqtts://a/", BrokerURL("mqtts", "a", 8883)),
        ("mqtt://[::1]:1884", BrokerURL("mqtt", "::1", 1884)),
        ("ws://a:9001", BrokerURL("ws", "a", 9001, "/mqtt")),
        ("wss://a/socket", BrokerURL("wss", "a", 443, "/socket")),
    ],
)
def test_broker_url_is_parsed_and_formatted(text: str, broker: BrokerURL) -> None:
    assert BrokerURL.parse(text) == broker
    assert BrokerURL.parse(str(broker)) == broker


@pytest.mark.parametrize(
    "text",
    ["", "a:1883", "mqtt://", "mqtt://:1", "mqtt://a:x", "mqtt://a:0", "mqtt://a/b", "mqtt://a?b",
     "tcp://a", "mqtt://a:99999", "mqtt://[::1"],
)  # fmt: skip
def test_broker_url_rejects_an_invalid_url(text: str) -> None:
    with pytest.raises(ValueError, match=r"mqtt|path"):
        BrokerURL.parse(text)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_echo_is_recognised_once_per_publication() -> None:
    echoes = Echoes(Clock())
    echoes.add("a", b"1")
    echoes.add("a", b"1")
    assert [echoes.take("a", b"1") for _ in range(3)] == [True, True, False]
    assert not echoes.take("a", b"2")


def test_echo_expires() -> None:
    clock = Clock()
    echoes = Echoes(clock)
    echoes.add("a", b"1")
    clock.now = ECHO_SECONDS
    assert not echoes.take("a", b"1")
    assert len(echoes) == 0


def test_echoes_are_limited() -> None:
    echoes = Echoes(Clock())
    for index in range(MAX_ECHOES + 10):
        echoes.add("a", b"%d" % index)
    assert len(echoes) == MAX_ECHOES
    assert not echoes.take("a", b"0")
    assert echoes.take("a", b"10")
