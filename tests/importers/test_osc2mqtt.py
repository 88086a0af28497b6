"""Configurations of osc2mqtt, written after the comments of its osc2mqtt.ini."""

from __future__ import annotations

import tomllib

import pytest

from oscbridge.cli.imported_text import imported_text, verify
from oscbridge.contract.importing import ImportedFile
from oscbridge.errors import InputError
from oscbridge.importers.osc2mqtt import IMPORTER
from oscbridge.plugins.manager import Plugins
from oscbridge.testing import check_configuration

BASE = """
[options]
subscriptions = lamps/+/+, pads/#
osc_port = 9101
osc_receiver = 192.168.1.40:9002
mqtt_broker = broker.lan
[DEFAULT]
match = ^/?(.*)
address = /\\1
topic = \\1
type = string
format =
"""


def imported(rules: str, base: str = BASE) -> ImportedFile:
    file, problems = verify(IMPORTER.translate(base + rules), Plugins().endpoint_types)
    assert not problems
    check_configuration(imported_text(file, "a.ini", "osc2mqtt"))
    return file


def routes(rules: str) -> list[dict[str, object]]:
    return [dict(route) for rule in imported(rules).rules for route in rule.routes]


def reasons(rules: str) -> list[str]:
    return [rule.reason for rule in imported(rules).rules if not rule.routes]


def test_options_become_a_bridge_and_endpoints() -> None:
    text = imported_text(imported("[:all]\n"), "a.ini", "osc2mqtt")
    found = tomllib.loads(text)
    assert found["bridge"]["stage"] == {"listen": "udp://0.0.0.0:9101"}
    assert found["endpoint"]["desk"] == {"type": "osc", "to": "udp://192.168.1.40:9002"}
    assert found["endpoint"]["house"]["broker"] == "mqtt://broker.lan:1883"
    assert found["endpoint"]["house"]["subscribe"] == ["lamps/+/+", "pads/#"]


def test_rule_applies_in_both_directions() -> None:
    assert routes("[:lamps]\nmatch = ^/?(lamps/.*)\nfrom_osc = int\nfrom_mqtt = float, , i\n") == [
        {
            "from": "stage",
            "match": "/lamps/*",
            "send": "{address} {0:i}",
            "to": "house",
            "mqtt": {"payload": "text"},
        },
        {
            "from": "house",
            "match": "/lamps/*",
            "send": "{address} {0:f} {1} {2:i}",
            "to": "desk",
        },
    ]


def test_without_a_receiver_there_is_only_the_way_to_the_broker() -> None:
    base = BASE.replace("osc_receiver = 192.168.1.40:9002", "osc_receiver =")
    assert [rule.routes[0]["to"] for rule in imported("[:all]\n", base).rules] == ["house"]


def test_groups_become_captures_and_an_optional_slash_two_routes() -> None:
    rule = (
        "[:xy]\nmatch = ^/?(\\d+)/xy/?(?P<n>\\d+)$\ntopic = \\1/xy/\\g<n>\naddress = /\\1/xy\\2\n"
    )
    assert [
        (each["match"], each.get("mqtt", {}).get("topic"), each.get("send"))  # type: ignore[attr-defined]
        for each in routes(rule + "osctags = ff\n")
    ] == [
        ("/{c1}/xy{c2}", "{c1}/xy/{c2}", None),
        ("/{c1}/xy/{c2}", None, None),
        ("/{c1}/xy{c2}", None, "{address} {0:f} {1:f}"),
        ("/{c1}/xy/{c2}", None, "/{c1}/xy{c2} {0:f} {1:f}"),
    ]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("match = ^/a|b", "'|b' in the expression has no counterpart"),
        ("match = ^/a(", "not a valid regular expression"),
        ("match = ^$\ntopic = a", "an empty expression matches every message"),
        ("match = ^/.*/a(.*)", "'.*' is supported only at the end"),
        ("match = ^/a/(.*)\ntopic = b/\\1\naddress = /b/\\1", "cannot capture several parts"),
        ("match = ^/a$", "\\1 refers to no group"),
        ("match = ^/a\\*(.*)", "cannot match the character '*'"),
        ("type = struct\nformat = >ff", "packed bytes, which a route cannot make or read"),
        ("from_osc = bool\nfrom_mqtt = bool", "'bool' has no counterpart"),
    ],
    ids=lambda each: each[:20],
)
def test_rule_that_no_route_can_express_has_the_reason(rule: str, reason: str) -> None:
    found = reasons(f"[:rule]\n{rule}\n")
    assert len(found) == 2
    assert all(reason in each for each in found)


def test_packed_payloads_are_translated_to_text_if_asked_for() -> None:
    rule = "[:level]\ntype = struct\nformat = B\n"
    file = IMPORTER.translate(BASE + rule, text_payloads=True)
    assert [len(each.routes) for each in file.rules] == [1, 1]
    assert "packed bytes (struct) in osc2mqtt" in file.rules[0].reason


def test_tag_without_a_value_is_not_translated() -> None:
    assert reasons("[:yes]\nosctags = T\n") == ["osctags = T: only i, f and s have values"]


@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        ("[options]\nosc_port\n", 2, "expected 'key = value'"),
        ("osc_port = 1\n", 1, "expected 'key = value' or '[section]'"),
        ("[:a]\nmatch = a\n[:a]\n", 3, "duplicate"),
        ("[server]\nport = 1\n", 0, "is it of osc2mqtt?"),
        ("", 0, "is it of osc2mqtt?"),
    ],
    ids=["no-value", "no-section", "duplicate", "another-program", "empty"],
)
def test_file_that_is_not_of_osc2mqtt_is_an_error(text: str, line: int, error: str) -> None:
    with pytest.raises(InputError, match=error.replace("[", r"\[").replace("?", r"\?")) as caught:
        IMPORTER.translate(text)
    assert caught.value.line == line
