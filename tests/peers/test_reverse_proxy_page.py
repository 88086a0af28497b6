"""docs/how-to/reverse-proxy.md: its settings are run with the configuration of the page."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from doc_pages import DOCS, blocks
from reverse_proxies import SITES, running_site
from websockets.sync.client import ClientConnection, connect

from oscbridge import Message, encode_message
from oscbridge.testing import free_port, running_process

BLOCKS = list(blocks((DOCS / "how-to/reverse-proxy.md").read_text("utf-8")))
NAME = "stage.example.org"
SECRET = "a-secret-of-some-length"
TIMEOUT = 20.0


def block(start: str) -> str:
    """The only block with a line that starts so."""
    (found,) = [text for _, text in BLOCKS if re.search(f"^{re.escape(start)}", text, re.M)]
    return found


CONFIGURATION = block("[http]")
SETTINGS = {"nginx": block("location /osc/"), "caddy": block(f"{NAME} {{")}


def with_ports(text: str, control_room: int, web: int, udp: int) -> str:
    """A text of the page with other ports."""
    ports = {"9180": control_room, "8080": web, "9000": udp}
    return re.sub(r"(?<=:)(9180|8080|9000)\b", lambda found: str(ports[found[0]]), text)


def secured(port: int) -> ssl.SSLSocket:
    """A connection to a proxy under the name of the page."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    while True:
        raw = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        try:
            return context.wrap_socket(raw, server_hostname=NAME)
        except ssl.SSLError:  # Caddy accepts connections before it has made the certificate
            raw.close()


@contextmanager
def join(port: int, path: str, *subprotocols: str, **headers: str) -> Iterator[ClientConnection]:
    """A page of the site, connected by WebSocket."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with connect(
        f"ws://{NAME}{path}",  # TLS is in the socket
        sock=secured(port),
        origin=f"https://{NAME}",
        subprotocols=subprotocols,
        additional_headers=names,
        proxy=None,
    ) as client:
        yield client


@pytest.fixture(scope="module", params=SITES)
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, int]]:
    """The program behind a proxy: the port of the proxy, and the port for OSC."""
    folder = tmp_path_factory.mktemp(request.param)
    ports = free_port(), free_port(), free_port()
    (folder / "desk.token").write_text(SECRET)
    site = with_ports(SETTINGS[request.param], *ports)
    with (
        running_process(with_ports(CONFIGURATION, *ports), folder=folder),
        running_site(request.param, folder, NAME, site) as port,
    ):
        yield port, ports[2]


def test_pages_connect_to_the_endpoint(proxy: tuple[int, int]) -> None:
    port, udp = proxy
    offered = ("osc.json", f"osc.token.{SECRET}")
    with join(port, "/osc/", *offered) as one, join(port, "/osc/", *offered) as other:
        one.ping().wait(TIMEOUT)
        other.ping().wait(TIMEOUT)
        one.send(json.dumps({"address": "/from/a/page"}))
        assert json.loads(other.recv(TIMEOUT))["address"] == "/from/a/page"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            device.sendto(encode_message(Message.of("/from/a/device", 1)), ("127.0.0.1", udp))
        assert json.loads(one.recv(TIMEOUT))["address"] == "/from/a/device"


def test_control_room_is_at_the_root(proxy: tuple[int, int]) -> None:
    client = http.client.HTTPConnection(NAME)
    client.sock = secured(proxy[0])
    client.request("GET", "/")
    response = client.getresponse()
    assert response.status == 200
    assert b"<title>" in response.read()
    client.close()


@pytest.mark.parametrize(("token", "answer"), [(SECRET, "welcome"), ("", "denied")])
def test_control_room_asks_for_the_token_even_with_a_forged_header(
    proxy: tuple[int, int], token: str, answer: str
) -> None:
    with join(proxy[0], "/ui", "oscbridge.ui.1", X_Ingress_Path="/forged") as page:
        page.send(json.dumps({"type": "hello"} | ({"token": token} if token else {})))
        assert json.loads(page.recv(TIMEOUT))["type"] == answer
