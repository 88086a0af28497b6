"""Which pages may connect."""

from __future__ import annotations

import pytest

from oscbridge_websocket.origin import is_allowed

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
    assert is_allowed(origin, host, local_host, listed) is allowed
