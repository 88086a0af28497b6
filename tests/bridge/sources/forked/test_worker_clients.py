"""What a worker reports about the clients of its bridge."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from oscbridge import Message, encode_message
from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.bridge.sources.forked.ipc_clients import SenderRecord
from oscbridge.bridge.sources.forked.ipc_protocol import read_record
from oscbridge.bridge.sources.forked.worker_clients import SenderReports
from oscbridge.bridge.sources.forked.worker_setup import WorkerTask
from oscbridge.net.socket_address import ClientAddress

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no os.fork")

PHONE: ClientAddress = ("127.0.0.1", 9_000)
PACKET = encode_message(Message.of("/hello"))


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        yield sock


@pytest.mark.parametrize("forget", [0.1, 0.5, 4.0, 60.0])
def test_client_is_reported_several_times_before_it_is_forgotten(forget: float) -> None:
    task = WorkerTask.of(has_plugin_routes=False, clients=BridgeClientOptions(forget=forget))
    assert 0 < task.report_interval <= min(1.0, forget / 4)


@pytest.mark.parametrize(("interval", "count"), [(0.0, 3), (1_000.0, 1)])
def test_client_is_reported_once_in_an_interval(
    sock: socket.socket, interval: float, count: int
) -> None:
    sent: list[bytes] = []
    reports = SenderReports(sock, lambda record: sent.append(record) or True, interval)
    for _ in range(3):
        reports.take([(PACKET, PHONE)])
    assert list(map(read_record, sent)) == [SenderRecord(PHONE, is_reachable=True)] * count


def test_report_that_could_not_be_sent_is_sent_with_the_next_datagram(sock: socket.socket) -> None:
    sent: list[bytes] = []

    def send(record: bytes) -> bool:
        sent.append(record)
        return len(sent) > 1

    reports = SenderReports(sock, send, 1_000.0)
    for _ in range(3):
        reports.take([(PACKET, PHONE)])
    assert len(sent) == 2
