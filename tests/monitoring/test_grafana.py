"""The Grafana dashboard: every name in it exists, and a real Prometheus answers every panel."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import pytest
from ports import free_port
from prometheus_client import parser

from oscbridge import (
    BadMessage,
    Consuming,
    Endpoint,
    GrantsLeases,
    Lease,
    Message,
    Options,
)
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.routes.stateful_steps import delay
from oscbridge.http.limits import HTTPLimits
from oscbridge.net.certificate import read_certificates
from oscbridge.osc import TimeTag, encode_bundle, encode_message
from oscbridge.plugins.manager import Plugins
from oscbridge.status.metrics import Reloads
from oscbridge.status.status import read_status
from oscbridge.testing import until

Serve = Callable[..., Awaitable[Any]]

FILE = Path(__file__).parents[2] / "oscbridge" / "cli" / "grafana.json"
DASHBOARD = json.loads(FILE.read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
TARGETS = [
    pytest.param(panel, target, id=f"{panel['title']}-{target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]

FROM_PROMETHEUS = {"instance", "job"}
"""Labels added by Prometheus itself."""

SYSTEM = """
[run]
learn_addresses = 1
leader          = { endpoint = "hub" }

[endpoint.hub]
type = "hub"

[variables]
armed = true

[bridge.stage]
listen = "udp://127.0.0.1:0"

[bridge.stage.limits]
horizon   = 1.0
too_early = "drop"

[bridge.cues]
listen = "tcp://127.0.0.1:0"

[endpoint.fussy]
type = "fussy"

[endpoint.stuck]
type   = "stuck"
policy = "latest"

[[route]]
from      = "stage"
match     = "/level"
on_change = true
to        = "fussy"

[[route]]
from  = "stage"
match = "/level"
send  = "/level {1}"
to    = "stuck"

[[route]]
from  = "stage"
match = "/level"
to    = "stuck"

[[route]]
from      = "stage"
match     = "/level"
function  = "functions_of_the_dashboard:repeat"
on_change = true
delay     = 60.0
to        = "stuck"

[[route]]
from  = "cues"
match = "/chat"
to    = "cues"
"""

FUNCTIONS = """
def repeat(message):
    return [message, message, *(message._replace(address=f"/{n}") for n in range(9))]
"""


class FussyOptions(Options):
    certificate: Path

    def certificates(self) -> dict[str, Path]:
        return {"certificate": self.certificate}


class Fussy(Endpoint[FussyOptions]):
    """Accepts messages below 1."""

    async def send(self, message: Message) -> None:
        self.host.client_dropped("slow_client", 1)
        if message.args[0] not in (0.25, 0.5):
            raise BadMessage("too loud")


class Stuck(Endpoint):
    """Never completes a send: messages replace each other in its queue."""

    async def send(self, message: Message) -> None:
        await asyncio.Event().wait()


class Hub(Endpoint, GrantsLeases[Options], Consuming):
    """Grants the lease to each bridge that asks; a message waits at its server."""

    consumer_lag = MappingProxyType({"workers": 1})

    async def send(self, message: Message) -> None:
        pass

    async def acquire_lease(self, key: str, holder: str, seconds: float, /) -> Lease:
        return Lease(holder, seconds)

    async def find_lease(self, key: str, /) -> Lease:
        return Lease("")

    async def release_lease(self, key: str, holder: str, /) -> None:
        pass


TYPES = {"fussy": Fussy, "stuck": Stuck, "hub": Hub}


@pytest.fixture
async def troubled(
    serve_http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Any]:
    """A client of a system in which every displayed event has happened."""
    Path(tmp_path, "functions_of_the_dashboard.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(delay, "MAX_DELAYED", 5)
    certificate = tmp_path / "fussy.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -out {certificate}"
    openssl = [*command.split(), "-days", "365", "-subj", "/CN=stage"]
    subprocess.run(openssl, check=True, capture_output=True)
    monkeypatch.setenv("OSCBRIDGE__ENDPOINT__FUSSY__CERTIFICATE", str(certificate))
    app = App(parse(SYSTEM, TYPES, "test.toml"), Plugins([]))
    client = await serve_http(
        lambda: read_status(app), HTTPLimits(request_timeout=0.5), reloads=lambda: Reloads(1, 1)
    )
    client.server.certificates = read_certificates({"certificate": certificate})
    await app.start()
    try:
        await until(lambda: read_status(app).leader.role == "leader")  # type: ignore[union-attr]
        app.endpoints["fussy"].endpoint.receive(Message.of("/heard"))
        await make_trouble(app, client)
        yield client
    finally:
        await app.stop()


async def make_trouble(app: App, client: Any) -> None:
    assert app.addresses.known  # from now on they are counted
    level = [encode_message(Message.of("/level", value)) for value in (0.25, 0.25, 2.0, 0.5)]
    late = encode_bundle([level[0]], TimeTag.from_unix_ns(time.time_ns() + 10**12))
    stage, cues = (app.listeners[name].address for name in ("stage", "cues"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for packet in (*level, late, encode_message(Message.of("/other")), b"no OSC"):
            sock.sendto(packet, (stage.host, stage.port))
    _, writer = await asyncio.open_connection(cues.host, cues.port)
    writer.write(b"\xc0/a\xdb\x00\xc0")  # no such escape
    await client.send(b"")  # silent client
    labels = {
        "oscbridge_bad_packets": "reason",
        "oscbridge_closed_connections": "reason",
        "oscbridge_endpoint_client_dropped_messages": "reason",
        "oscbridge_endpoint_dropped_messages": "reason",
        "oscbridge_http_closed_connections": "reason",
        "oscbridge_ignored_addresses": "reason",
        "oscbridge_route_dropped_messages": "reason",
        "oscbridge_route_filtered_messages": "reason",
        "oscbridge_route_result_dropped_messages": "reason",
        "oscbridge_route_result_filtered_messages": "reason",
        "oscbridge_source_dropped_messages": "reason",
    }
    async with asyncio.timeout(10):
        found = await served(client)
        while not all(label in found[name] for name, label in labels.items()):
            await asyncio.sleep(0.05)
            found = await served(client)
    writer.close()


async def served(client: Any) -> dict[str, set[str]]:
    """Exported names of families and samples, with their labels."""
    page = (await client.get("/metrics")).text
    found: dict[str, set[str]] = defaultdict(set)
    for family in parser.text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name] |= sample.labels.keys()
            found[family.name] |= sample.labels.keys()
    return found


# --- names -----------------------------------------------------------------------------------

_TOKEN = re.compile(
    r'"[^"]*"|\[[^]]*\]|[a-zA-Z_:][a-zA-Z0-9_:]*|!=|=~|!~|==|\d+(?:\.\d+)?|[-+*/(){},=<>]|\s+'
)
_WORDS = {"or", "and", "unless", "on", "ignoring"}


def names(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Metrics of a PromQL expression, with the labels it uses."""
    assert _TOKEN.sub("", expression) == ""
    tokens = [token for token in _TOKEN.findall(expression) if not token.isspace()]
    grouped = set(re.findall(r"\w+", " ".join(re.findall(r"\b(?:by|on) \(([^)]*)\)", expression))))
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token == "{") - (token == "}")
        is_name = re.fullmatch(r"[a-zA-Z_:][\w:]*", token) is not None
        after = tokens[index + 1] if index + 1 < len(tokens) else ""
        if (
            depth
            or not is_name
            or token in _WORDS | grouped
            or after in ("(", "by")
            or token == "by"
        ):
            continue
        matchers: set[str] = set()
        if after == "{":
            inner = tokens[index + 2 : tokens.index("}", index)]
            matchers = set(inner[::4])
        yield token, matchers | grouped


def test_metric_names_of_an_expression_are_found() -> None:
    expression = 'sum by (le, a) (rate(x_total{b=~"$c", d!="e"}[5m])) / y or vector(0) - time()'
    groups = {"le", "a"}
    assert list(names(expression)) == [("x_total", {"b", "d"} | groups), ("y", groups)]


async def test_every_metric_and_label_is_served(troubled: Any) -> None:
    found = await served(troubled)
    for panel in PANELS:
        for target in panel["targets"]:
            read = list(names(target["expr"]))
            assert read, target["expr"]
            for metric, labels in read:
                assert metric in found, panel["title"]
                assert labels <= found[metric] | FROM_PROMETHEUS, (panel["title"], metric)


def label_values(expression: str) -> Iterator[tuple[str, str, str]]:
    """The values of labels in a PromQL expression: metric, label and value."""
    for metric, matchers in re.findall(r"(\w+)\{([^}]*)\}", expression):
        for label, value in re.findall(r'(\w+)!?="([^"$]+)"', matchers):
            yield metric, label, value


def test_label_values_of_an_expression_are_found() -> None:
    expression = 'rate(x_total{a=~"$b",reason!="replaced"}[5m]) / y{c="d"}'
    assert list(label_values(expression)) == [("x_total", "reason", "replaced"), ("y", "c", "d")]


async def test_every_label_value_in_an_expression_is_served(troubled: Any) -> None:
    page = (await troubled.get("/metrics")).text
    samples = {
        (sample.name, label, value)
        for family in parser.text_string_to_metric_families(page)
        for sample in family.samples
        for label, value in sample.labels.items()
    }
    used = {each for panel in PANELS for t in panel["targets"] for each in label_values(t["expr"])}
    assert used
    assert used <= samples


@pytest.mark.parametrize(("panel", "target"), TARGETS)
def test_legend_names_labels_that_are_left(panel: dict[str, Any], target: dict[str, Any]) -> None:
    shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    grouped = re.search(r"sum by \(([^)]*)\)", target["expr"])
    if grouped is not None:
        assert shown == set(grouped[1].split(", ")) - {"le"}
    elif panel["type"] == "stat":
        assert not shown


async def test_every_metric_is_shown_except_info_metrics(
    troubled: Any,
) -> None:
    shown = {
        name for _, target in (each.values for each in TARGETS) for name, _ in names(target["expr"])
    }
    shown = {re.sub(r"_(bucket|total)$", "", name) for name in shown}
    page = (await troubled.get("/metrics")).text
    there = {
        family.name
        for family in parser.text_string_to_metric_families(page)
        if family.name.startswith("oscbridge_") and not family.name.endswith("_info")
    }
    assert there - shown == {
        "oscbridge_dry_run",
        "oscbridge_early_messages",
        "oscbridge_endpoint_offered_messages",
        "oscbridge_http_connections",
        "oscbridge_received_packets",
    }


# --- the dashboard file ----------------------------------------------------------------------


def test_panel_has_its_own_place_and_number() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_data_source_is_chosen_in_grafana() -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert all(panel["datasource"] == chosen for panel in PANELS)
    assert all(target["datasource"] == chosen for panel in PANELS for target in panel["targets"])
    source, instance = DASHBOARD["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == (
        *("datasource", "datasource", "prometheus"),
    )
    assert instance["datasource"] == chosen
    assert "id" not in DASHBOARD  # assigned by Grafana


def test_expression_uses_only_defined_variables() -> None:
    known = {each["name"] for each in DASHBOARD["templating"]["list"]} | {"__rate_interval"}
    assert set(re.findall(r"\$\{?(\w+)", FILE.read_text())) - {"__all"} <= known


def test_every_panel_has_a_description() -> None:
    assert all(panel["title"] and panel["description"].endswith(".") for panel in PANELS)


# --- with a real Prometheus ------------------------------------------------------------------


class Prometheus:
    """Prometheus, scraping one target twice per second."""

    def __init__(self, folder: Path, target: str) -> None:
        self.port = free_port()
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 500ms, scrape_timeout: 500ms}\n"
            "scrape_configs: [{job_name: oscbridge,"
            f" static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        self.process = subprocess.Popen(
            [
                *("prometheus", f"--config.file={folder}/prometheus.yml", "--log.level=error"),
                *(
                    f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ),
            ]
        )

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The current value of an expression. Raises ``OSError`` while Prometheus starts."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", f"/api/v1/query?query={quote(expression)}")
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert answer["status"] == "success", (expression, answer)
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def wait(self, scrapes: int, timeout: float = 60) -> None:
        """Wait until ``count`` scrapes have succeeded."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                found = self.query("count_over_time(oscbridge_ready[1m])")
            except (OSError, ValueError):
                found = []
            if found and int(found[0]["value"][1]) >= scrapes:
                return
            assert self.process.poll() is None
            time.sleep(0.05)
        raise AssertionError("Prometheus has got nothing")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


async def test_prometheus_scrapes_it_and_answers_every_panel(troubled: Any, tmp_path: Path) -> None:
    prometheus = Prometheus(tmp_path, str(troubled.server.address))
    try:
        await asyncio.to_thread(prometheus.wait, 5)
        (ready,) = await asyncio.to_thread(prometheus.query, "oscbridge_ready")
        assert ready["value"][1] == "1"
        for panel in PANELS:
            for target in panel["targets"]:
                expression = target["expr"].replace("$__rate_interval", "30s")
                expression = expression.replace("$instance", ".*")
                result = await asyncio.to_thread(prometheus.query, expression)
                assert result, (panel["title"], expression)
    finally:
        await asyncio.to_thread(prometheus.stop)
    codes = await served(troubled)
    assert "oscbridge_http_closed_connections_total" in codes
