"""HOST_INFO: what servers say about themselves."""

from __future__ import annotations

import pytest

from oscbridge_oscquery.host_info import EXTENSIONS, MAX_EXTENSIONS, HostInfo


def test_our_own_has_the_keys_that_libossia_needs() -> None:
    document = HostInfo("Stage", EXTENSIONS, "192.168.1.5", 9190).to_json()
    assert document["NAME"] == "Stage"
    assert document["OSC_PORT"] == 9190
    assert document["OSC_TRANSPORT"] == "UDP"
    assert "FULL_PATH" not in document
    assert "WS_PORT" not in document


def test_host_info_survives_as_json() -> None:
    info = HostInfo("Stage", {"LISTEN": True}, "10.0.0.1", 1, "TCP", "10.0.0.2", 2)
    assert HostInfo.read(info.to_json()) == info


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "[::]", None, 5, [], " "])
def test_unspecified_address_counts_as_absent(host: object) -> None:
    assert HostInfo.read({"OSC_IP": host, "WS_IP": host}) == HostInfo()


@pytest.mark.parametrize("host", ["x" * 64, "a..b", "a b", "a\0", "a/b", "u@h", "h/x?y", "ä" * 60])
def test_impossible_host_counts_as_absent(host: str) -> None:
    assert HostInfo.read({"OSC_IP": host, "WS_IP": host}) == HostInfo()


@pytest.mark.parametrize("host", ["10.0.0.1", "stage.local", "fe80::1%eth0", "bühne", "a_b"])
def test_possible_host_is_read(host: str) -> None:
    assert HostInfo.read({"OSC_IP": f" {host} "}).osc_ip == host


@pytest.mark.parametrize("port", [0, -1, 65_536, True, "x", 1.5, None, [], "99999999999"])
def test_impossible_port_counts_as_absent(port: object) -> None:
    assert HostInfo.read({"OSC_PORT": port, "WS_PORT": port}) == HostInfo()


@pytest.mark.parametrize("port", [9000, "9000", 9000.0])
def test_port_may_be_written_in_several_ways(port: object) -> None:
    assert HostInfo.read({"OSC_PORT": port}).osc_port == 9000


@pytest.mark.parametrize(
    "document", [None, [], "text", 5, {"NAME": 5, "EXTENSIONS": [], "OSC_TRANSPORT": {}}]
)
def test_nonsense_is_an_empty_host_info(document: object) -> None:
    assert HostInfo.read(document) == HostInfo()


def test_extensions_are_bounded_and_truth_values() -> None:
    many = {f"X{number}": True for number in range(1_000)}
    assert len(HostInfo.read({"EXTENSIONS": many}).extensions) == MAX_EXTENSIONS
    info = HostInfo.read({"EXTENSIONS": {"LISTEN": 1, "VALUE": "yes", "HTML": False}})
    assert info.supports("LISTEN")
    assert not info.supports("VALUE")
    assert not info.supports("HTML")


def test_loopback_address_of_another_machine_counts_as_absent() -> None:
    info = HostInfo("x", {}, "127.0.0.1", 9000, "UDP", "localhost", 9001)
    assert info.seen_from("192.168.1.40") == HostInfo("x", {}, None, 9000, "UDP", None, 9001)
    assert info.seen_from("127.0.0.1") == info
    info = HostInfo("x", {}, "192.168.1.41", 9000, "UDP", "192.168.1.42", 9001)
    assert info.seen_from("192.168.1.40") == info
