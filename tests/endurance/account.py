"""Compares the program's counters with the numbers of messages sent and arrived."""

from __future__ import annotations

import os
from collections.abc import Mapping

from peers import Sent
from table import show

from oscbridge.status.status import Status
from oscbridge.testing.identity import what_does_not_add_up

__all__ = ["check_bridges", "check_endpoints", "check_resources"]

GROWTH = 1.15
"""By what factor memory may grow after the program has settled."""

SPARE = {"descriptors": 2, "threads": min(32, (os.cpu_count() or 1) + 4), "processes": 2}
"""How many more there may be: the status's client, a reconnection, and the threads of the
loop's executor, which starts them one by one."""


def check_bridges(status: Status, sent: Mapping[str, Sent], drops: Mapping[str, int]) -> list[str]:
    """Each sent message is received, bad, or dropped by the kernel; that is counted outside too."""
    rows, problems = [], what_does_not_add_up(status)
    for bridge in status.bridges:
        name, received = bridge.name, bridge.received
        bad, kernel = sum(received.bad.values()), received.kernel_dropped or 0
        missing = sent[name].messages - received.messages - bad - drops[name]
        counts = (sent[name].messages, received.messages, drops[name], kernel, missing)
        dropped = sum(received.dropped.values())
        rows.append((name, *(f"{count:,}" for count in (*counts, dropped))))
        if missing:
            problems.append(f"bridge.{name}: sent and received do not add up: {missing} missing")
        if kernel != drops[name]:
            problems.append(f"bridge.{name}: the kernel dropped {drops[name]}, it says {kernel}")
    columns = ("bridge", "sent", "received", "kernel's drops", "as it says", "missing", "dropped")
    show("In", columns, rows)
    return problems


def check_endpoints(
    status: Status, arrived: Mapping[str, int], *, lossy: frozenset[str]
) -> list[str]:
    """What endpoints sent has arrived; at ``lossy`` ones the peer may have lost some of it."""
    rows, problems = [], []
    for endpoint in status.endpoints:
        name = endpoint.name
        clients = sum(endpoint.client_dropped.values())
        dropped = sum(endpoint.dropped.values())
        counts = (endpoint.offered, endpoint.sent, dropped, clients)
        seen = f"{arrived[name]:,}" if name in arrived else ""
        rows.append((name, *(f"{count:,}" for count in counts), seen))
        if endpoint.dropped:
            print(f"endpoint.{name} dropped: {dict(endpoint.dropped)}")
        if name not in arrived:
            continue
        missing = endpoint.sent - clients - arrived[name]
        if missing < 0 or (missing and name not in lossy):
            problems.append(f"endpoint.{name}: sent and arrived do not add up: {missing} missing")
    show("Out", ("endpoint", "offered", "sent", "dropped", "by clients", "arrived"), rows)
    return problems


def check_resources(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Memory, descriptors, threads and processes have not grown."""
    lines = [
        (title, *(f"{value:,}" for value in values.values()))
        for title, values in (("settled", before), ("at the end", after))
    ]
    show("The program", ("", *before), lines)
    problems = []
    if after["memory kB"] > before["memory kB"] * GROWTH:
        problems.append("memory has grown")
    for key, spare in SPARE.items():
        if after[key] > before[key] + spare:
            problems.append(f"there are more {key} than before")
    return problems
