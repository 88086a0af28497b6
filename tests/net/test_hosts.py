"""The rule for Host and Origin headers, as a table for every HTTP and WebSocket server."""

from __future__ import annotations

import pytest

from oscbridge import HostPolicy, is_loopback

LOOPBACK = "127.0.0.1"
LAN = "192.168.1.20"

# Host, hosts, accepted
HOSTS: list[tuple[str | None, list[str], bool]] = [
    # addresses
    ("192.168.1.20", [], True),
    ("192.168.1.20:8080", [], True),
    ("127.0.0.1:9180", [], True),
    ("[fd00::5]:8080", [], True),
    ("[::1]:9180", [], True),
    ("[::ffff:10.0.0.1]", [], True),
    ("[fe80::1%25eth0]:80", [], True),
    # names that nobody can register
    ("localhost:8080", [], True),
    ("stage:8080", [], True),
    ("bridge:9180", [], True),
    ("STAGE.local", [], True),
    ("dev.localhost", [], True),
    ("bridge.home.arpa", [], True),
    ("bridge.internal:1", [], True),
    ("stage.lan", [], True),
    # names that an attacker may own
    ("stage.example.org", [], False),
    ("evil.example", [], False),
    ("evil.example:9180", [], False),
    ("notlocal.example", [], False),
    ("notalan", [], True),
    ("evil.notlan", [], False),
    ("evil.local.example.org", [], False),
    ("192.168.1.20.example.org", [], False),
    ("127.0.0.1.evil.example", [], False),
    ("1.2.3", [], False),
    ("stage.local.", [], False),
    # configured
    ("stage.example.org:8443", ["stage.example.org"], True),
    ("Stage.Example.org", ["stage.EXAMPLE.org"], True),
    ("My.Host:1", ["my.host"], True),
    ("my.host.", ["my.host"], False),
    ("other.example.org", ["stage.example.org"], False),
    ("192.168.1.20", ["stage.example.org"], True),
    ("stage.local", ["stage.example.org"], True),
    ("anything.example.org", ["*"], True),
    # malformed
    ("", [], False),
    ("", ["*"], False),
    ("[", [], False),
    ("[x", [], False),
    ("[nonsense]", ["*"], False),
    ("[10.0.0.1]", [], False),
    ("user@127.0.0.1", [], False),
    ("user@127.0.0.1", ["*"], False),
    ("127.0.0.1/x", [], False),
    ("127.0.0.1\t", [], False),
    ("evil.example\\stage", [], False),
    ("localhost#.evil.example", [], False),
    ("localhost:80:80", [], False),
    ("stäge", [], False),
    # no browser
    (None, [], True),
    (None, ["stage.example.org"], True),
]


@pytest.mark.parametrize(("header", "hosts", "accepted"), HOSTS)
def test_host_is_accepted_as_in_the_table(
    header: str | None, hosts: list[str], accepted: bool
) -> None:
    assert HostPolicy(hosts).accepts_host(header) is accepted


# Origin, Host, address at which the connection arrived, origins, accepted
ORIGINS: list[tuple[str | None, str | None, str, list[str], bool]] = [
    # on loopback: pages of this machine, and nothing else
    ("http://127.0.0.1:8080", "127.0.0.1:8080", LOOPBACK, [], True),
    ("http://localhost:8080", "localhost:8080", LOOPBACK, [], True),
    ("http://localhost:5173", "127.0.0.1:8080", LOOPBACK, [], True),
    ("http://LOCALHOST", "127.0.0.1:8080", LOOPBACK, [], True),
    ("https://dev.localhost", "localhost:8080", LOOPBACK, [], True),
    ("http://127.9.9.9", "127.0.0.1", LOOPBACK, [], True),
    ("http://[::1]:8080", "[::1]:8080", "::1", [], True),
    ("http://localhost", "localhost", "::ffff:127.0.0.1", [], True),
    ("https://example.org", "127.0.0.1:8080", LOOPBACK, [], False),
    ("http://localhost.example.org", "127.0.0.1:8080", LOOPBACK, [], False),
    ("http://evillocalhost", "127.0.0.1:8080", LOOPBACK, [], False),
    ("http://192.168.1.20", "192.168.1.20", LOOPBACK, [], False),
    ("http://stage.local", "stage.local", LOOPBACK, [], False),
    ("http://stage", "stage", LOOPBACK, [], False),
    ("http://stage", "stage", "::ffff:127.0.0.1", [], False),
    # an attacker's name that resolves to 127.0.0.1 (DNS rebinding)
    ("http://evil.example:8080", "evil.example:8080", LOOPBACK, [], False),
    ("http://127.0.0.1.evil.example:8080", "127.0.0.1.evil.example:8080", LOOPBACK, [], False),
    # elsewhere: the same host, whatever the port
    ("http://192.168.1.20:8080", "192.168.1.20:8080", LAN, [], True),
    ("http://192.168.1.20", "192.168.1.20:8080", LAN, [], True),
    ("http://stage.local:3000", "stage.local:8080", LAN, [], True),
    ("http://stage.lan", "stage.lan:8080", LAN, [], True),
    ("http://STAGE.local", "stage.LOCAL:8080", LAN, [], True),
    ("http://[fd00::5]:8080", "[fd00::5]:8080", "fd00::5", [], True),
    ("http://[fd00::6]:8080", "[fd00::5]:8080", "fd00::5", [], False),
    ("http://other.local", "stage.local:8080", LAN, [], False),
    ("http://localhost", "stage.local:8080", LAN, [], False),
    ("http://evil.example", "evil.example", LAN, [], False),
    ("http://evil.example/stage.local", "stage.local", LAN, [], False),
    ("http://stage.local", None, LAN, [], False),
    # listed
    ("https://example.org", "127.0.0.1:8080", LOOPBACK, ["https://example.org"], True),
    ("https://example.org", "stage.local:8080", LAN, ["https://example.org"], True),
    ("http://example.org", "stage.local:8080", LAN, ["https://example.org"], False),
    ("https://example.org:8443", "stage.local:8080", LAN, ["https://example.org"], False),
    ("https://sub.example.org", "stage.local:8080", LAN, ["https://example.org"], False),
    ("https://anything.example", "stage.local:8080", LAN, ["*"], True),
    ("null", "127.0.0.1:8080", LOOPBACK, ["null"], True),
    ("null", "127.0.0.1:8080", LOOPBACK, ["*"], True),
    ("file://", "127.0.0.1:8080", LOOPBACK, ["file://"], True),
    ("http://localhost:8080", "localhost:8080", LOOPBACK, ["https://example.org"], True),
    # user info, backslashes, tabs and spaces: URL parsers disagree about the host
    ("http://stage.local@evil.example", "stage.local", LAN, [], False),
    ("http://evil.example@stage.local", "stage.local", LAN, [], False),
    ("http://evil.example@localhost", "localhost", LOOPBACK, [], False),
    ("http://evil.example@localhost", "localhost", LOOPBACK, ["*"], False),
    ("http://evil.example\\@localhost", "localhost", LOOPBACK, [], False),
    ("http://localhost\\.evil.example", "localhost", LOOPBACK, [], False),
    ("http:\\\\localhost", "localhost", LOOPBACK, [], False),
    ("http://local\thost", "localhost", LOOPBACK, [], False),
    ("http://localhost\t", "localhost", LOOPBACK, [], False),
    ("http://localhost\t", "localhost", LOOPBACK, ["*"], False),
    ("http://localhost http://evil.example", "localhost", LOOPBACK, [], False),
    ("http://localhost\n", "localhost", LOOPBACK, [], False),
    ("http://localhost#.evil.example", "localhost", LOOPBACK, [], False),
    ("http://localhost/", "localhost", LOOPBACK, [], False),
    # no browser reports them as the page of this server
    ("ftp://localhost", "localhost", LOOPBACK, [], False),
    ("ftp://stage.local:8080", "stage.local:8080", LAN, [], False),
    ("ws://localhost:8080", "localhost:8080", LOOPBACK, [], False),
    ("capacitor://localhost", "localhost", LOOPBACK, [], False),
    ("capacitor://localhost", "localhost", LOOPBACK, ["capacitor://localhost"], True),
    ("httpx://localhost", "localhost", LOOPBACK, [], False),
    ("http://[::ffff:127.0.0.1]", "localhost", LOOPBACK, [], False),
    ("http://[::ffff:7f00:1]:8080", "[::ffff:7f00:1]:8080", "::ffff:127.0.0.1", [], False),
    ("http://[::ffff:10.0.0.1]", "[::ffff:10.0.0.1]", LAN, [], False),
    ("http://[fe80::1%25eth0]", "[fe80::1%25eth0]", "fe80::1", [], False),
    ("http://[0:0:0:0:0:0:0:1]", "localhost", "::1", [], True),
    ("http://.localhost", "localhost", LOOPBACK, [], False),
    ("http://a..localhost", "localhost", LOOPBACK, [], False),
    ("http://localhost.", "localhost", LOOPBACK, [], False),
    ("http://localhost:", "localhost", LOOPBACK, [], False),
    ("http://localhost:0", "localhost", LOOPBACK, [], False),
    ("http://localhost:080", "localhost", LOOPBACK, [], False),
    ("http://localhost:65536", "localhost", LOOPBACK, [], False),
    ("http://localhost:65535", "localhost", LOOPBACK, [], True),
    ("http://127.1", "127.0.0.1", LOOPBACK, [], False),
    ("http://0x7f000001", "127.0.0.1", LOOPBACK, [], False),
    # not a site
    ("null", "127.0.0.1:8080", LOOPBACK, [], False),
    ("null", "null", LAN, [], False),
    ("", "", LAN, [], False),
    ("", "127.0.0.1", LOOPBACK, [], False),
    ("http://", "", LAN, [], False),
    ("stage.local", "stage.local", LAN, [], False),
    ("//stage.local", "stage.local", LAN, [], False),
    ("file://", "stage.local", LAN, [], False),
    ("http://[", "[", LAN, [], False),
    ("http://[::1", "[::1", LOOPBACK, [], False),
    ("http://[nonsense]", "[nonsense]", LAN, [], False),
    ("http://stage.local", "", LAN, [], False),
    ("http://stage.local:port", "stage.local", LAN, [], False),
    # not a page
    (None, "127.0.0.1:8080", LOOPBACK, [], True),
    (None, None, LAN, [], True),
]


@pytest.mark.parametrize(("origin", "host", "local_address", "origins", "accepted"), ORIGINS)
def test_origin_is_accepted_as_in_the_table(
    origin: str | None, host: str | None, local_address: str, origins: list[str], accepted: bool
) -> None:
    policy = HostPolicy(origins=origins)
    assert policy.accepts_origin(origin, host, local_address) is accepted


def test_listener_is_accepted_under_the_name_that_it_listens_on() -> None:
    policy = HostPolicy.of_listener("bridge.example.org", ("show.example.org",))
    assert policy.accepts_host("bridge.example.org:8080")
    assert policy.accepts_host("show.example.org")
    assert not policy.accepts_host("evil.example.org")


@pytest.mark.parametrize("listen", ["*", "::"])
def test_listener_on_all_addresses_accepts_no_further_name(listen: str) -> None:
    assert not HostPolicy.of_listener(listen).accepts_host("evil.example.org")


def test_same_origin_under_a_registrable_name_needs_hosts_or_origins() -> None:
    page, host = "http://stage.example.org:8080", "stage.example.org:8080"
    assert not HostPolicy().accepts_origin(page, host, LAN)
    assert HostPolicy(["stage.example.org"]).accepts_origin(page, host, LAN)
    assert HostPolicy(["*"]).accepts_origin(page, host, LAN)
    assert HostPolicy(origins=[page]).accepts_origin(page, host, LAN)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("dev.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("192.168.1.20", False),
        ("stage", False),
        ("", False),
    ],
)
def test_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
