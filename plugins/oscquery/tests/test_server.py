"""The HTTP server: nodes, attributes, HOST_INFO and pages."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from query_bridge import CONFIGURATION, QueryBridge
from query_bridge import StartQueryBridge as Start

import oscbridge
from oscbridge.testing import running_bridge
from oscbridge_oscquery.node_json import attributes_of

FADER = {
    "FULL_PATH": "/mix/1/fader",
    "TYPE": "f",
    "ACCESS": 3,
    "DESCRIPTION": "Fader 1",
    "TAGS": ["all"],
    "RANGE": [{"MIN": 0, "MAX": 1}],
    "UNIT": ["gain.db"],
}

STAGE = """
[bridge.stage]
listen = "udp://0.0.0.0:9000"
[endpoint.q]
type   = "oscquery"
listen = "0.0.0.0:9190"
[endpoint.desk]
type    = "osc"
to      = "udp://192.168.1.40:10023"
profile = "x32"
[[route]]
from = ["q", "stage"]
to   = "desk"
[[route]]
from = ["desk", "stage"]
to   = "q"
"""


async def test_x32_profile_is_in_the_tree(start: Start, port: int) -> None:
    text = (
        STAGE.replace("9000", "0").replace("9190", str(port)).replace("192.168.1.40", "127.0.0.1")
    )
    bridge = await start(configuration=text)
    node = (await bridge.get("/ch/01/mix/fader")).json
    assert isinstance(node, dict)
    assert (node["TYPE"], node["RANGE"], node["ACCESS"]) == ("f", [{"MIN": 0, "MAX": 1}], 3)
    assert "VALUE" not in node
    bridge.by_udp("/ch/01/mix/fader", 0.75)
    await bridge.bridge.until(lambda: bridge.status.received.messages == 1)
    assert (await bridge.get("/ch/01/mix/fader?VALUE")).json == {"VALUE": [0.75]}
    tree = (await bridge.get("/")).json
    assert isinstance(tree, dict)
    assert tree["CONTENTS"]["ch"]["CONTENTS"]["01"]["CONTENTS"]["mix"]["CONTENTS"]["fader"]


async def test_whole_tree_has_every_node_once(bridge: QueryBridge) -> None:
    tree = (await bridge.get()).json
    assert isinstance(tree, dict)
    assert (tree["FULL_PATH"], tree["ACCESS"]) == ("/", 0)
    assert set(tree["CONTENTS"]) == {"mix", "meter", "go", "say"}
    mix = tree["CONTENTS"]["mix"]
    assert set(mix["CONTENTS"]) == {"1", "2", "3", "4", "colour", "mode"}
    assert mix["CONTENTS"]["1"]["CONTENTS"]["fader"] == FADER
    assert "TYPE" not in mix
    assert tree["CONTENTS"]["meter"]["ACCESS"] == 1
    assert tree["CONTENTS"]["go"]["ACCESS"] == 2
    assert mix["CONTENTS"]["mode"]["RANGE"] == [{"VALS": [0, 1, 2]}]


async def test_node_has_what_is_below_it(bridge: QueryBridge) -> None:
    assert (await bridge.get("/mix/1/fader")).json == FADER
    assert (await bridge.get("/mix/1/fader/")).json == FADER
    below = (await bridge.get("/mix/1")).json
    assert isinstance(below, dict)
    assert set(below["CONTENTS"]) == {"fader", "name"}


@pytest.mark.parametrize("path", ["?HOST_INFO", "/?HOST_INFO", "/?HOST_INFO=1", "/mix?HOST_INFO"])
async def test_host_info_in_every_form(bridge: QueryBridge, path: str) -> None:
    found = (await bridge.get(path)).json
    assert isinstance(found, dict)
    assert found["NAME"] == oscbridge.default_service_name("q")
    assert (found["OSC_IP"], found["OSC_PORT"]) == ("127.0.0.1", bridge.port)
    assert found["EXTENSIONS"]["LISTEN"] is True
    assert "FULL_PATH" not in found
    assert "COMMAND" not in found


async def test_options_of_host_info_are_stated(start: Start, port: int) -> None:
    bridge = await start(f'name = "Main desk"\nadvertise = "192.0.2.7"\nosc_port = {port}')
    found = (await bridge.get("/?HOST_INFO")).json
    assert isinstance(found, dict)
    assert (found["NAME"], found["OSC_IP"], found["OSC_PORT"]) == ("Main desk", "192.0.2.7", port)


def test_unit_of_other_values_is_not_stated() -> None:
    info = oscbridge.AddressInfo("/fader", "f", unit="gain.db", curve="fader, -oo to 10 dB")
    assert "UNIT" not in attributes_of("/fader", info, "f")
    assert attributes_of("/fader", replace(info, curve=""), "f")["UNIT"] == ["gain.db"]


async def test_without_osc_port_clients_are_told_to_send_over_tcp(start: Start) -> None:
    # libossia then sends over the WebSocket; others do not read HOST_INFO without a port.
    bridge = await start("osc_port = 0")
    found = (await bridge.get("/?HOST_INFO")).json
    assert isinstance(found, dict)
    assert (found["OSC_TRANSPORT"], found["OSC_PORT"]) == ("TCP", bridge.port)


async def test_value_is_known_after_a_message_in_either_direction(bridge: QueryBridge) -> None:
    assert (await bridge.get("/mix/1/fader?VALUE")).json == {}
    bridge.from_stage("/mix/1/fader", 0.5)
    await bridge.bridge.until(lambda: bridge.status.sent == 1)
    assert (await bridge.get("/mix/1/fader?VALUE&TYPE")).json == {"VALUE": [0.5], "TYPE": "f"}
    bridge.by_udp("/mix/1/fader", 0.25)
    assert await bridge.at_device() == ("/mix/1/fader", (0.5,))
    assert await bridge.at_device() == ("/mix/1/fader", (0.25,))
    assert (await bridge.get("/mix/1/fader?VALUE")).json == {"VALUE": [0.25]}
    assert (await bridge.get("/mix/1/fader")).json == {**FADER, "VALUE": [0.25]}


async def test_value_that_does_not_fit_its_type_is_left_out(bridge: QueryBridge) -> None:
    bridge.from_stage("/mix/1/fader", 0.5, 0.6)
    await bridge.bridge.until(lambda: bridge.status.sent == 1)
    assert (await bridge.get("/mix/1/fader")).json == FADER


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/mix/5/fader", 404),
        ("//", 404),
        ("/mix//1", 404),
        ("/%FF", 404),
        ("/mix/../mix", 404),
        ("/mix?ICON", 400),
        ("/mix/1/fader?value", 400),
        ("/nothing?VALUE", 404),
        ("/say?VALUE", 204),
        ("/go?VALUE", 204),
    ],
)
async def test_error_has_its_status(bridge: QueryBridge, path: str, status: int) -> None:
    assert (await bridge.get(path)).status == status


async def test_attributes_that_a_node_lacks_are_left_out(bridge: QueryBridge) -> None:
    assert (await bridge.get("/mix?TYPE")).json == {}
    assert (await bridge.get("/mix/1/fader?UNIT&CRITICAL")).json == {"UNIT": ["gain.db"]}
    assert (await bridge.get("/mix/1/fader?FULL_PATH")).json == {"FULL_PATH": "/mix/1/fader"}
    contents = (await bridge.get("/mix/1?CONTENTS")).json
    assert isinstance(contents, dict)
    assert set(contents["CONTENTS"]) == {"fader", "name"}


async def test_other_methods_are_not_allowed(bridge: QueryBridge) -> None:
    answer = await bridge.get(method="POST")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    answer = await bridge.get("/mix/1/fader", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 100


async def test_page_is_escaped_and_links_to_what_is_below(start: Start) -> None:
    configuration = CONFIGURATION + '\n[[route]]\nfrom = "q"\nmatch = "/<b>/ü/&x"\nto = "desk"\n'
    bridge = await start('name = "<script>"', configuration)
    page = await bridge.get("/?HTML")
    text = page.body.decode()
    assert page.headers["Content-Type"].startswith("text/html")
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "<script>" not in text
    assert 'href="/mix?HTML"' in text
    assert f'href="{quote("/<b>")}?HTML"' in text
    below = (await bridge.get(f"{quote('/<b>/ü')}?HTML")).body.decode()
    assert "/&lt;b&gt;/ü/&amp;x" in below
    fader = (await bridge.get("/mix/1/fader?HTML")).body.decode()
    assert "Fader 1" in fader
    assert "gain.db" in fader


async def test_siblings_have_unique_descriptions(start: Start, tmp_path: Path) -> None:
    bridge = await start()
    profile = tmp_path / "mixer.toml"
    profile.write_text(profile.read_text().replace('"Fader {1}"', '"Name"'))
    await bridge.bridge.reload(bridge.text)
    channel = (await bridge.get("/mix/1")).json
    assert isinstance(channel, dict)
    found = {name: each["DESCRIPTION"] for name, each in channel["CONTENTS"].items()}
    assert found == {"fader": "Name", "name": "Name (name)"}


async def test_pages_of_other_sites_need_to_be_allowed(start: Start) -> None:
    bridge = await start('origins = ["https://show.example"]')
    allowed = await bridge.get("/?HOST_INFO", Origin="https://show.example")
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://show.example"
    assert (await bridge.get("/?HOST_INFO", Origin="https://evil.example")).status == 403
    assert (await bridge.get("/?HOST_INFO", Host="evil.example")).status == 421


async def test_request_without_a_slash_is_about_the_root(bridge: QueryBridge) -> None:
    """VDMX asks for http://ip:port?HOST_INFO."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
    writer.write(b"GET ?HOST_INFO HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"NAME":"q on ' in answer


async def test_port_of_another_program_is_reported(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        text = f'[endpoint.q]\ntype = "oscquery"\nlisten = "127.0.0.1:{port}"'
        with pytest.raises(Exception, match="address already in use"):
            async with running_bridge(text):
                pass
