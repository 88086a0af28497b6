"""A stopwatch counts what code takes, and not what a busy machine adds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from stopwatch import Stopwatch, seconds_to_end

CROWDED = """
import os, time
from stopwatch import Stopwatch

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
others = []
for _ in range(3):
    others.append(os.fork())
    if not others[-1]:
        while True:
            pass
began, stopwatch = time.monotonic(), Stopwatch()
while time.thread_time() < 0.2:
    pass
print(time.monotonic() - began, stopwatch.seconds)
for each in others:
    os.kill(each, 9)
"""
"""Works for 0.2 s on a core that it shares with three others."""


def test_time_without_a_processor_is_not_counted() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", CROWDED], env=environment, capture_output=True, text=True, check=True
    )
    elapsed, counted = map(float, done.stdout.split())
    assert counted < 0.3 < elapsed


def test_time_spent_waiting_for_events_is_counted() -> None:
    counted = []
    for _ in range(10):
        stopwatch = Stopwatch()
        time.sleep(0.05)
        counted.append(stopwatch.seconds)
    # A crowded Linux sometimes counts a part of the sleep as waiting for a processor.
    assert max(counted) >= 0.05


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_process_that_has_ended_is_left_to_its_owner(number: int) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command, text=True) as process:
        assert 0 <= seconds_to_end(process, number) < 30
        assert process.wait() == -number
