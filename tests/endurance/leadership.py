"""Kill, cut off and stop main and backup at random: ``python -m tests.endurance.leadership``.

Two bridges with one configuration hold a lease at three NATS servers. The leader is killed, loses
its servers, or is stopped and continued, again and again, while an observer receives from both. At
no moment may both send, and no gap may be longer than three seconds. With ``--servers`` the NATS
server that leads the bucket is killed instead: gaps of at most twelve seconds.

Run it from the root of the repository; ``--rounds 100 --seed 7`` for a shorter run, and to repeat
one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

from tests.support.arrivals import longest_gap, overlaps
from tests.support.main_and_backup import EVENTS, MainAndBackup
from tests.support.nats_cluster import NATSCluster

MAX_GAP = 3.0
"""Seconds without a message, at most, when a bridge fails."""

MAX_SERVER_GAP = 12.0
"""The same when the server that leads the bucket fails."""

STREAM = "KV_oscbridge_leases"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--servers", action="store_true", help="kill the server that leads")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as name, NATSCluster(Path(name)) as cluster:
        both = MainAndBackup(Path(name), cluster.ports, options.seed)
        try:
            run = _kill_servers if options.servers else _kill_bridges
            run(both, cluster, options.rounds)
            arrivals = list(both.observer.arrivals)
        finally:
            both.close()
    found = list(overlaps(arrivals))
    gap = longest_gap(arrivals)
    limit = MAX_SERVER_GAP if options.servers else MAX_GAP
    print(f"{len(arrivals)} messages arrived; longest gap {gap:.2f} s; overlaps {len(found)}")
    if both.takeovers:
        print(f"takeover: median {median(both.takeovers):.2f} s, most {max(both.takeovers):.2f} s")
    for each in found[:20]:
        print("two senders:", each)
    if gap > limit:
        print(f"the gap is longer than {limit:g} s")
    sys.exit(bool(found) or gap > limit)


def _kill_bridges(both: MainAndBackup, _cluster: NATSCluster, rounds: int) -> None:
    events, weights = zip(*EVENTS, strict=True)
    done: Counter[str] = Counter()
    for event in both.random.choices(events, weights, k=rounds):
        event(both)
        done[event.__name__] += 1
    both.leader()
    print(", ".join(f"{count} {name}" for name, count in done.most_common()))


def _kill_servers(both: MainAndBackup, cluster: NATSCluster, rounds: int) -> None:
    for _ in range(rounds):
        both.leader()
        before = len(both.observer.arrivals)
        leader = cluster.leader_of(STREAM)
        leader.end()
        elected = cluster.leader_of(STREAM)  # both bridges need it
        both.leader()
        leader.launch()
        cluster.wait_until_healthy()
        gap = longest_gap(both.observer.arrivals[before - 1 :])
        print(f"killed {leader.name}, elected {elected.name}: gap {gap:.2f} s")


if __name__ == "__main__":
    main()
