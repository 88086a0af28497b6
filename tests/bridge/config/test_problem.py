"""The place of a problem is what the file says, also where one value stands for a list."""

from __future__ import annotations

import pytest

from oscbridge import ConfigurationError
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.config.problem import KeyPath, written_path
from oscbridge.plugins.manager import Plugins


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ((), ()),
        (("list", 1), ("list", 1)),
        (("list", 0, "key"), ("list", 0, "key")),
        (("list", 0, "missing"), ("list", 0, "missing")),
        (("text", 0), ("text",)),
        (("text", 0, "key"), ("text",)),
        (("table", 0, "key"), ("table", "key")),
        (("table", 0, "missing", 1), ("table", "missing", 1)),
        (("missing", 0, "key"), ("missing", 0, "key")),
    ],
)
def test_path_ends_where_the_file_does(path: KeyPath, written: KeyPath) -> None:
    table = {"text": "a", "list": [{"key": 1}, "b"], "table": {"key": 1}}
    assert written_path(table, path) == written


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[endpoint.a]\ntype = "mqtt"\nbroker = "x:y"', "endpoint.a.broker = 'x:y': "),
        ('[endpoint.a]\ntype = "mqtt"\nbroker = ["x:y"]', "endpoint.a.broker.1 = 'x:y': "),
        ('[endpoint.a]\ntype = "mqtt"\nsubscribe = ["a/#/b"]', "endpoint.a.subscribe.1 = 'a/#/b'"),
        ('[endpoint.a]\ntype = "nats"\nservers = "x:y"', "endpoint.a.servers = 'x:y': "),
        ('[bridge.a.clients]\nstatic = "x:1"', "bridge.a.clients.static = 'x:1': "),
        ('[bridge.a.clients]\nstatic = "127.0.0.1:9000"', "bridge.a.clients.static = "),
        ('[bridge.a.clients]\nstatic = ["127.0.0.1:9000"]', "bridge.a.clients.static.1 = "),
        ('[bridge.a.clients]\nabsorb = "/x*"', "bridge.a.clients.absorb = '/x*': "),
        ('[bridge.a.clients]\nabsorb = ["/x*"]', "bridge.a.clients.absorb.1 = '/x*': "),
    ],
)
def test_single_value_has_no_position(text: str, place: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, Plugins().endpoint_types, "show.toml")
    assert str(caught.value).startswith(f"show.toml: {place}")
