"""Counters of an endpoint in every snapshot, while threads put messages into its queue."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from oscbridge import Message
from oscbridge.testing import running_bridge, what_does_not_add_up

MANY = 300
"""Snapshots."""

CONFIGURATION = """
[endpoint.seen]
type   = "recording"
policy = "{policy}"
queue  = 10
{more}
"""


@pytest.mark.parametrize("policy", ["drop_oldest", "latest", "block", "spool"])
async def test_every_snapshot_adds_up_while_threads_put_messages(
    policy: str, tmp_path: Path, eager_threads: None
) -> None:
    more = f'[endpoint.seen.spool]\npath = "{tmp_path}/seen.spool"\n' if policy == "spool" else ""
    stop = threading.Event()
    async with running_bridge(CONFIGURATION.format(policy=policy, more=more)) as bridge:

        def put(thread: int) -> None:
            number = 0
            while not stop.is_set():
                bridge.offer("seen", Message(f"/{thread}/{number % 50}", "i", (number,)))
                number += 1

        threads = [threading.Thread(target=put, args=(each,)) for each in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(MANY):
                await asyncio.sleep(0)
                assert what_does_not_add_up(bridge.status()) == []
        finally:
            stop.set()
            await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        assert bridge.endpoint_status("seen").offered > 10  # more than the queue holds
