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


def test_whole_numbers_have_a_note() -> None:
    reasons = [rule.reason for rule in imported("[:a]\nfrom_osc = int\nfrom_mqtt = float\n").rules]
    assert reasons == ["numbers are rounded, where osc2mqtt cuts off: 0.7 becomes 1", ""]


def test_without_a_receiver_there_is_only_the_way_to_the_broker() -> None:
    base = BASE.replace("osc_receiver = 192.168.1.40:9002", "osc_receiver =")
    file = imported("[:all]\n", base)
    assert [rule.routes[0]["to"] for rule in file.rules] == ["house"]
    assert "subscribe" not in file.tables["endpoint.house"]


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
        ("topic = b/{_values[0]}\naddress = /b/{_values[0]}", "a field without a counterpart"),
        ("address_groups = n\ntopic_groups = n", "write the captures in 'send'"),
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


def test_rest_of_an_address_moves_below_another_prefix() -> None:
    rule = "[:tree]\nmatch = ^/?global/(.*)\ntopic = xmas/\\1\naddress = /all/\\1\n"
    assert routes(rule + "from_osc = int\n") == [
        {
            "from": "stage",
            "match": "/global/{rest*}",
            "send": "{address} {0:i}",
            "to": "house",
            "mqtt": {"topic": "xmas/{rest}", "payload": "text"},
        },
        {"from": "house", "match": "/global/{rest*}", "send": "/all/{rest} {*}", "to": "desk"},
    ]


def test_replacements_may_be_those_of_str_format() -> None:
    rule = "[:xy]\nmatch = ^/?(\\w+)/xy(?P<n>\\d+)$\ntopic = {0}/xy/{n}\naddress = /{0}/xy{1}\n"
    to_mqtt, to_osc = routes(rule)
    assert to_mqtt["mqtt"] == {"topic": "{c1}/xy/{c2}", "payload": "text"}
    assert (to_osc["match"], to_osc.get("send")) == ("/{c1}/xy{c2}", None)


def test_keys_that_a_file_leaves_out_have_the_values_of_osc2mqtt() -> None:
    (rule,) = imported("[:all]\ntype = json\n", "[options]\n").rules
    assert [dict(route) for route in rule.routes] == [
        {"from": "stage", "match": "/*", "to": "house", "mqtt": {"payload": "json"}}
    ]
    (rule,) = imported("[:all]\n", "[options]\n").rules
    assert "payloads with type = struct, format = B are packed bytes" in rule.reason


def test_user_of_the_broker_is_copied_and_the_password_is_not() -> None:
    base = BASE.replace(
        "mqtt_broker = broker.lan",
        "mqtt_broker = broker.lan\nclient_id = desk\nmqtt_username = me\nmqtt_password = secret",
    )
    file = imported("[:all]\n", base)
    house = file.tables["endpoint.house"]
    assert (house["username"], house["client_id"]) == ("me", "desk")
    assert "the password of the broker is not copied" in file.notes[-1]
    assert "secret" not in imported_text(file, "a.ini", "osc2mqtt")


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
