"""Load the bridge while the control room is open, and measure what that costs: ``make load-ui``.

20,000 messages a second to 10,000 addresses pass through the bridge. At first nobody looks; then
one client, then four clients and Chromium, alternately; then all of them for ten minutes, while
Chromium shows the list, scrolls it, plots, and shows all other views; then nobody again. Each
message is accounted for at the endpoint, which makes the sender wait rather than lose one.

Costs are CPU time of the bridge, so that other programs on the machine change them little; frames
are compared with those of an empty page in the same browser at the same time.

``make load-ui ARGS="--minutes 1 --seconds 5"`` for other lengths.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent / "bench"))

from control_room_browser import BrowserPage, Frames, PageMemory, open_browser
from control_room_peers import LoadPeer
from harness import cpu_seconds
from playwright.sync_api import Browser
from program import Program, free_port

CLIENTS = 4
"""Clients beside Chromium."""

MAX_CPU = 0.08
"""The share of a core that each open page may cost."""

MAX_IDLE_CPU = 0.02
"""The same, for all pages that are closed: as exact as it can be measured on a busy machine."""

MIN_FRAMES = 55.0
"""Frames per second; less where the empty page has less."""

MAX_GROWTH = {"bridge": 12_288, "page, heap": 2_048, "page, process": 16_384}
"""kB by which memory may grow from the first third of the time to the last. The bridge fills the
histories of 4,000 addresses meanwhile: 9.6 MB after ten minutes, and no more."""

WARM_UP = 5.0

KEPT = 62.0
"""Seconds after the last page in which the bridge still watches values, for a reload of it."""

DRAIN_TIMEOUT = 60.0

CONFIGURATION = """
[http]
listen = "127.0.0.1:{http}"

[bridge.stage]
listen = "tcp+1.0://127.0.0.1:{stage}"

[endpoint.desk]
type   = "osc"
to     = "tcp+1.0://127.0.0.1:{desk}"
policy = "block"

[[route]]
from = "stage"
to   = "desk"
"""


class Phase(NamedTuple):
    """What the bridge did while a number of pages was open."""

    pages: int
    cpu: float
    """The share of a core that it used."""
    rate: float
    """Messages per second."""
    lost: int
    """Messages that the endpoint has dropped."""


class Load:
    """One run."""

    def __init__(self, options: argparse.Namespace, folder: Path, stack: ExitStack) -> None:
        self._options = options
        self._stack = stack
        self._program = Program(folder)
        self._ports = {name: free_port(socket.SOCK_STREAM) for name in ("http", "stage", "desk")}
        self._url = f"http://127.0.0.1:{self._ports['http']}/"
        self._threads = stack.enter_context(ThreadPoolExecutor(1))
        self.problems: list[str] = []
        stack.callback(self._program.close)

    def _peer(self, *args: object) -> LoadPeer:
        peer = LoadPeer(*args)
        self._stack.callback(peer.kill)
        return peer

    def run(self) -> None:
        receiver = self._peer("receive", self._ports["desk"])
        self._program.configure(CONFIGURATION.format(**self._ports))
        self._program.start()
        options = self._options
        sender = self._peer("send", self._ports["stage"], options.rate, options.addresses)
        time.sleep(WARM_UP)
        before = [self._phase(0) for _ in range(options.rounds)]
        browser = self._stack.enter_context(open_browser())
        phases = self._costs(browser)
        self._hold(browser)
        time.sleep(KEPT)
        after = [self._phase(0) for _ in range(options.rounds)]
        self._check_costs(before + phases + after)
        self._check_idle(before, after)
        sent = sender.end()
        print(f"sent {sent['messages']:,} messages, {sent['messages'] / sent['seconds']:,.0f}/s")
        status = self._threads.submit(self._program.drained, DRAIN_TIMEOUT, {}).result()
        if status is not None:
            print(f"lost: {[dict(each.lost) for each in status.endpoints]}")
        else:
            self.problems.append(f"the queues were not empty after {DRAIN_TIMEOUT:g} s")
        self.problems += self._program.stop()
        arrived = receiver.end()["messages"]
        print(f"{arrived:,} arrived at the endpoint")
        if arrived != sent["messages"]:
            self.problems.append(f"{sent['messages'] - arrived:,} messages are lost")

    # --- costs --------------------------------------------------------------------------------

    def _costs(self, browser: Browser) -> list[Phase]:
        """The CPU time of the bridge with one page, and with all, alternately."""
        phases = []
        for _ in range(self._options.rounds):
            one = self._peer("pages", self._ports["http"], 1)
            phases.append(self._phase(1))
            one.end()
            page = BrowserPage(browser, self._url)
            others = self._peer("pages", self._ports["http"], CLIENTS)
            page.wait_for_rows()
            phases.append(self._phase(1 + CLIENTS))
            print_clients(others.end()["pages"])
            page.close()
        return phases

    def _phase(self, pages: int) -> Phase:
        time.sleep(1)
        counts, cpu, began = self._counts(), cpu_seconds(self._program.pid), time.monotonic()
        time.sleep(self._options.seconds)
        took, used = time.monotonic() - began, cpu_seconds(self._program.pid) - cpu
        received, lost = (now - then for now, then in zip(self._counts(), counts, strict=True))
        phase = Phase(pages, used / took, received / took, lost)
        line = f"{pages} pages: {phase.cpu:6.1%} of a core, {phase.rate:,.0f} messages/s"
        print(f"{line}, {lost:,} lost" if lost else line, flush=True)
        return phase

    def _counts(self) -> tuple[int, int]:
        """The messages that the bridge has received, and those that its endpoint has lost."""
        self._program.check_alive()
        # In a thread: Playwright runs an event loop on this one.
        status = self._threads.submit(self._program.status).result()
        received = sum(each.received.messages for each in status.bridges)
        return received, sum(sum(each.lost.values()) for each in status.endpoints)

    def _check_costs(self, phases: Sequence[Phase]) -> None:
        medians = {
            pages: statistics.median(self._cpu(each) for each in phases if each.pages == pages)
            for pages in dict.fromkeys(each.pages for each in phases)
        }
        nobody = medians.pop(0)
        for pages, cpu in medians.items():
            each = (cpu - nobody) / pages
            print(f"{pages} pages each cost {each:.1%} of a core ({nobody:.1%} without)")
            if each > MAX_CPU:
                self.problems.append(f"{pages} pages each cost {each:.1%} of a core")

    def _cpu(self, phase: Phase) -> float:
        """The share of a core for the rate that is wanted: a busy machine delays messages."""
        return phase.cpu * self._options.rate / phase.rate

    def _check_idle(self, before: Sequence[Phase], after: Sequence[Phase]) -> None:
        # The smallest: whatever else the machine does in one of the rounds only adds to it.
        first, last = (min(map(self._cpu, all_)) for all_ in (before, after))
        print(f"no page: {first:.1%} of a core before, {last:.1%} after all were closed")
        if last - first > MAX_IDLE_CPU:
            self.problems.append(f"closed pages cost {last - first:.1%} of a core")

    # --- all open for a while -----------------------------------------------------------------

    def _hold(self, browser: Browser) -> None:
        page = BrowserPage(browser, self._url)
        others = self._peer("pages", self._ports["http"], CLIENTS)
        page.wait_for_rows()
        frames: list[Frames] = []
        memory: dict[str, list[float]] = {name: [] for name in MAX_GROWTH}
        end = time.monotonic() + self._options.minutes * 60
        while time.monotonic() < end:
            for scene, show in page.scenes():
                show()
                time.sleep(1)
                frames.append(page.measure(scene, self._options.seconds))
                print(frame_text(frames[-1]), flush=True)
                self._program.check_alive()
            found = page.memory()
            for name, size in zip(memory, self._sizes(found), strict=True):
                memory[name].append(size)
            print(f"memory: {memory_text(memory)}; {found.nodes:,.0f} nodes", flush=True)
        print_clients(others.end()["pages"])
        self.problems += [f"the page: {each}" for each in page.errors]
        page.close()
        self._check_frames(frames)
        self._check_memory(memory)

    def _sizes(self, page: PageMemory) -> tuple[float, float, float]:
        return self._program.resources()["memory kB"], page.heap, page.process

    def _check_frames(self, frames: Sequence[Frames]) -> None:
        for scene in dict.fromkeys(each.scene for each in frames):
            rounds = [each for each in frames if each.scene == scene]
            rate, empty, longest, cpu = (
                statistics.median(getattr(each, key) for each in rounds)
                for key in ("rate", "empty", "longest", "cpu")
            )
            print("median:", frame_text(Frames(scene, rate, empty, longest, cpu)))
            if rate < min(MIN_FRAMES, 0.95 * empty):
                self.problems.append(f"{scene}: {rate:.1f} frames/s; {empty:.1f} of an empty page")

    def _check_memory(self, memory: dict[str, list[float]]) -> None:
        for name, sizes in memory.items():
            third = max(1, len(sizes) // 3)
            growth = statistics.median(sizes[-third:]) - statistics.median(sizes[:third])
            print(f"{name}: {sizes[0]:,.0f} kB at first, {sizes[-1]:,.0f} at last; "
                  f"{growth:+,.0f} kB from the first third to the last")  # fmt: skip
            if growth > MAX_GROWTH[name]:
                self.problems.append(f"{name}: grows by {growth:,.0f} kB")


def frame_text(frames: Frames) -> str:
    return (
        f"{frames.scene:16} {frames.rate:5.1f} frames/s, empty page {frames.empty:5.1f}; "
        f"longest {frames.longest:4.0f} ms; main thread {frames.cpu:6.1%} of a core"
    )


def memory_text(memory: dict[str, list[float]]) -> str:
    return ", ".join(f"{name} {sizes[-1]:,.0f} kB" for name, sizes in memory.items())


def print_clients(pages: Sequence[dict[str, float]]) -> None:
    for each in pages:
        shown = ", ".join(f"{name} {number:,.0f}" for name, number in each.items())
        print(f"  a client: {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make load-ui", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="with all pages open")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=20_000)
    parser.add_argument("--addresses", type=int, default=10_000)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        load = Load(parser.parse_args(), Path(folder), stack)
        load.run()
    if load.problems:
        sys.exit("\n".join(load.problems))
    print("all goals are met")


if __name__ == "__main__":
    main()
