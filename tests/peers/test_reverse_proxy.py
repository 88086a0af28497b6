"""Behind proxies: upgrade headers, path prefixes, and the addresses of clients."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from reverse_proxies import PROXIES, running_nginx, running_proxy
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Starts nginx before a port; returns its own port once it accepts connections."""
    with ExitStack() as stack:
        yield lambda to, **more: stack.enter_context(running_nginx(tmp_path, to, **more))


@contextmanager
def join(port: int, path: str = "/", **headers: str) -> Iterator[ClientConnection]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with connect(f"ws://127.0.0.1:{port}{path}", additional_headers=names, proxy=None) as client:
        yield client


def test_missing_upgrade_is_answered_with_426_and_one_line_with_the_settings(
    program: Any, nginx: Callable[..., int]
) -> None:
    port = nginx(program.web_port, more="")
    for _ in range(2):
        with pytest.raises(InvalidStatus) as caught, join(port):
            pass
        assert caught.value.response.status_code == 426
    assert program.log.count("proxy_set_header Upgrade $http_upgrade") == 1
    assert "proxy_http_version 1.1" in program.log


def test_page_and_websocket_work_under_a_path_that_the_proxy_keeps(
    run: Callable[..., Any], nginx: Callable[..., int], tmp_path: Path
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "app.js").write_text("let a;")
    builtin = nginx(run().web_port)
    with urllib.request.urlopen(f"http://127.0.0.1:{builtin}/stage/osc/") as response:
        assert b"<title>oscbridge</title>" in response.read()
    own = nginx(run(f'files = "{tmp_path / "web"}"\npath_prefix = "/stage"').web_port)
    with urllib.request.urlopen(f"http://127.0.0.1:{own}/stage/app.js") as response:
        assert response.read() == b"let a;"
    path = "/stage/?format=json"
    with join(own, path) as one, join(own, path) as other:
        one.ping().wait(20)
        other.ping().wait(20)
        one.send(json.dumps({"address": "/a"}))
        assert json.loads(other.recv(20))["address"] == "/a"


def test_guesses_of_one_client_of_a_proxy_are_its_own(
    run: Callable[..., Any], nginx: Callable[..., int], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("right-and-secret")
    program = run(
        'trusted_proxies = ["127.0.0.1"]\nmax_connections_per_address = 1\n'
        f'[[token]]\nname = "wall"\nsecret = {{ file = "{tmp_path / "token"}" }}\n'
    )
    port = nginx(program.web_port)
    right = {"Authorization": "Bearer right-and-secret"}
    # nginx appends 127.0.0.1, the address of this test, which is trusted.
    wrong = {"X_Forwarded_For": "192.0.2.7", "Authorization": "Bearer wrong"}
    with pytest.raises(InvalidStatus), join(port, **wrong):
        pass
    assert "refused a client from 192.0.2.7 via 127.0.0.1: wrong token" in program.log
    one, other = (right | {"X_Forwarded_For": f"192.0.2.{number}"} for number in (7, 8))
    with join(port, **one), join(port, **other):
        with pytest.raises(InvalidStatus) as caught, join(port, **one):
            pass
        assert caught.value.response.status_code == 503


@pytest.mark.parametrize("name", PROXIES)
def test_proxy_passes_websocket_the_page_and_the_addresses_of_clients(
    name: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("right-and-secret")
    program = run(
        'trusted_proxies = ["127.0.0.1"]\n'
        f'[[token]]\nname = "wall"\nsecret = {{ file = "{tmp_path / "token"}" }}\n'
    )
    right = {"Authorization": "Bearer right-and-secret"}
    with running_proxy(name, tmp_path, program.web_port) as port:
        for path in ("/", "/stage/"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as response:
                assert b"<title>oscbridge</title>" in response.read()
            url = f"{path}?format=json"
            with join(port, url, **right) as one, join(port, url, **right) as other:
                one.ping().wait(20)
                other.ping().wait(20)
                one.send(json.dumps({"address": "/a"}))
                assert json.loads(other.recv(20))["address"] == "/a"
        for _ in range(3):
            with pytest.raises(InvalidStatus), join(port, Authorization="Bearer wrong"):
                pass
        with join(port, **right) as client:
            client.ping().wait(20)
