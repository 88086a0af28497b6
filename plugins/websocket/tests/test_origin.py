"""Which pages may connect."""

from __future__ import annotations

import pytest

from oscbridge_websocket.origin import is_allowed, is_known

HERE = "127.0.0.1"
LAN = "192.168.1.20"

# Origin, Host, address at which the connection arrived, listed, allowed
CASES = [
    # on loopback: any page of this machine, and nothing else
    ("http://127.0.0.1:8080", "127.0.0.1:8080", HERE, [], True),
    ("http://localhost:8080", "localhost:8080", HERE, [], True),
    ("http://localhost:5173", "127.0.0.1:8080", HERE, [], True),
    ("https://dev.localhost", "localhost:8080", HERE, [], True),
    ("http://127.9.9.9", "127.0.0.1", HERE, [], True),
    ("http://[::1]:8080", "[::1]:8080", "::1", [], True),
    ("https://example.org", "127.0.0.1:8080", HERE, [], False),
    ("http://localhost.example.org", "127.0.0.1:8080", HERE, [], False),
    ("http://evillocalhost", "127.0.0.1:8080", HERE, [], False),
    ("http://192.168.1.20", "192.168.1.20", HERE, [], False),
    # a stranger's name that points to 127.0.0.1 (DNS rebinding)
    ("http://evil.example:8080", "evil.example:8080", HERE, [], False),
    ("http://127.0.0.1.evil.example:8080", "127.0.0.1.evil.example:8080", HERE, [], False),
    # elsewhere: the same host, whatever the port
    ("http://192.168.1.20:8080", "192.168.1.20:8080", LAN, [], True),
    ("http://192.168.1.20", "192.168.1.20:8080", LAN, [], True),
    ("http://stage.local:3000", "stage.local:8080", LAN, [], True),
    ("http://STAGE.local", "stage.LOCAL:8080", LAN, [], True),
    ("http://[fd00::5]:8080", "[fd00::5]:8080", "fd00::5", [], True),
    ("http://[fd00::6]:8080", "[fd00::5]:8080", "fd00::5", [], False),
    ("http://other.local", "stage.local:8080", LAN, [], False),
    ("http://localhost", "stage.local:8080", LAN, [], False),
    ("http://stage.local@evil.example", "stage.local", LAN, [], False),
    ("http://evil.example/stage.local", "stage.local", LAN, [], False),
    # listed
    ("https://example.org", "127.0.0.1:8080", HERE, ["https://example.org"], True),
    ("https://example.org", "stage.local:8080", LAN, ["https://example.org"], True),
    ("http://example.org", "stage.local:8080", LAN, ["https://example.org"], False),
    ("https://example.org:8443", "stage.local:8080", LAN, ["https://example.org"], False),
    ("https://sub.example.org", "stage.local:8080", LAN, ["https://example.org"], False),
    ("https://anything.example", "stage.local:8080", LAN, ["*"], True),
    ("null", "127.0.0.1:8080", HERE, ["null"], True),
    ("null", "127.0.0.1:8080", HERE, ["*"], True),
    ("http://localhost:8080", "localhost:8080", HERE, ["https://example.org"], True),
    # what is no site at all
    ("null", "127.0.0.1:8080", HERE, [], False),
    ("null", "null", LAN, [], False),
    ("", "", LAN, [], False),
    ("", "127.0.0.1", HERE, [], False),
    ("http://", "", LAN, [], False),
    ("stage.local", "stage.local", LAN, [], False),
    ("file://", "stage.local", LAN, [], False),
    ("http://[", "[", LAN, [], False),
    ("http://[::1", "[::1", HERE, [], False),
    ("http://[nonsense]", "[nonsense]", LAN, [], False),
    ("http://stage.local", "", LAN, [], False),
    ("http://stage.local:port", "stage.local", LAN, [], True),  # the port is of no account
]


@pytest.mark.parametrize(("origin", "host", "local_host", "listed", "allowed"), CASES)
def test_a_page_is_let_in_as_the_table_says(
    origin: str, host: str, local_host: str, listed: list[str], allowed: bool
) -> None:
    assert is_allowed(origin, host, local_host, listed, ()) is allowed


# Host, hosts, known
HOSTS = [
    ("192.168.1.20:8080", [], True),
    ("[fd00::5]:8080", [], True),
    ("localhost:8080", [], True),
    ("stage:8080", [], True),
    ("STAGE.local", [], True),
    ("bridge.home.arpa", [], True),
    ("bridge.internal:1", [], True),
    ("stage.example.org", [], False),
    ("notlocal.example", [], False),
    ("evil.local.example.org", [], False),
    ("192.168.1.20.example.org", [], False),
    ("stage.example.org:8443", ["stage.example.org"], True),
    ("Stage.Example.org", ["stage.EXAMPLE.org"], True),
    ("other.example.org", ["stage.example.org"], False),
    ("anything.example.org", ["*"], True),
    ("", [], False),
    ("", ["*"], False),
    ("[", [], False),
]


@pytest.mark.parametrize(("host", "hosts", "known"), HOSTS)
def test_a_name_is_known_as_the_table_says(host: str, hosts: list[str], known: bool) -> None:
    assert is_known(host, hosts) is known


def test_a_page_from_the_same_host_needs_a_name_that_is_known() -> None:
    page, host = "http://stage.example.org:8080", "stage.example.org:8080"
    assert not is_allowed(page, host, LAN, (), ())
    assert is_allowed(page, host, LAN, (), ("stage.example.org",))
    assert is_allowed(page, host, LAN, (page,), ())
