"""Feed mutated packets to everything that reads packets: ``make fuzz``.

``make fuzz ARGS="--packets 100000 --seed 7"`` for another run, ``--addresses 10000000`` for
a longer look at the memory.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import mutants
from targets import flood_of_addresses, flood_of_packets, flood_of_recordings, hostile_bundles


def main() -> None:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--addresses", type=int, default=2_000_000)
    parser.add_argument("--seconds", type=float, default=900.0, help="give up after so long")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    chosen = parser.parse_args()
    logging.disable()
    print(f"seed {chosen.seed}", flush=True)
    failures = []
    for title, outcome in (
        ("mutated packets", flood_of_packets(
            mutants.packets(chosen.packets, chosen.seed), chosen.seconds)),
        ("broken recordings", flood_of_recordings(
            mutants.packets(chosen.packets // 10, chosen.seed), chosen.seconds)),
        ("hostile patterns", hostile_bundles()),
        ("different addresses", flood_of_addresses(chosen.addresses, chosen.seconds)),
    ):  # fmt: skip
        print(f"{title}: {outcome}", flush=True)
        failures += [f"{title}: {failure}" for failure in outcome.failures()]
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
