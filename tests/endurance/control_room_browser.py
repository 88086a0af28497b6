"""A page of the control room in Chromium, beside an empty page: frames, CPU time and memory.

The frames of the empty page show what the machine has left for any page at that time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

from programs import find_program

__all__ = ["BrowserPage", "Frames", "PageMemory", "open_browser"]

ARGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")

COUNT = """
window.counted = {frames: 0, since: performance.now(), longest: 0};
window.counting ??= (() => {
  let last = performance.now();
  const count = (now) => {
    window.counted.frames++;
    window.counted.longest = Math.max(window.counted.longest, now - last);
    last = now;
    requestAnimationFrame(count);
  };
  return requestAnimationFrame(count);
})();
"""
READ = "[counted.frames, performance.now() - counted.since, counted.longest]"

SCROLL = """
window.scrolling = setInterval(() => {
  const page = document.documentElement;
  window.down = page.scrollTop < 100 ? 1 : page.scrollTop > 20000 ? -1 : window.down ?? 1;
  window.scrollBy(0, window.down * 24);
}, 16);
"""

PLOTTED = 4
"""Values that are plotted together."""


class Frames(NamedTuple):
    """The frames of a page while something was on its screen."""

    scene: str
    rate: float
    """Frames per second."""
    empty: float
    """The same of the empty page."""
    longest: float
    """The longest time between two frames, in milliseconds."""
    cpu: float
    """The share of a core that the page's main thread has used."""


class PageMemory(NamedTuple):
    """The memory of a page, in kB."""

    heap: float
    """What JavaScript holds, after a garbage collection."""
    process: float
    """The resident memory of its process."""
    nodes: float
    """The number of nodes of its document."""


class BrowserPage:
    """The page, and the empty one."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._url = url
        self._browser = browser.new_browser_cdp_session()
        self._empty = browser.new_context().new_page()
        self._empty.set_content("<p>empty</p>")
        before = self._renderers()
        self._context = browser.new_context(viewport={"width": 1280, "height": 800})
        self.page: Page = self._context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda line: line.type in ("error", "warning") and self.errors.append(line.text),
        )
        self.page.goto(f"{url}values")
        self._session: CDPSession = self._context.new_cdp_session(self.page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._pid = max(self._renderers() - before, default=0)

    def _renderers(self) -> set[int]:
        found = self._browser.send("SystemInfo.getProcessInfo")["processInfo"]
        return {each["id"] for each in found if each["type"] == "renderer"}

    def close(self) -> None:
        self._context.close()
        self._empty.context.close()

    # --- scenes -------------------------------------------------------------------------------

    def wait_for_rows(self) -> None:
        self.page.locator(".v .nm").first.wait_for(timeout=60_000)

    def scenes(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """The content of the screen, and the browser that shows it."""
        yield "list", self._show_list
        yield "list, scrolling", self._scroll
        yield "plot, 1 min", self._plot
        yield "plot, 10 min", lambda: self.page.get_by_role("button", name="10 min").click()
        for view in ("Now", "Routes", "Surface", "Learn", "Devices", "Record", "Log"):
            yield view.lower(), partial(self._go, view)

    def _go(self, view: str) -> None:
        self.page.get_by_role("link", name=view).first.click()

    def _show_list(self) -> None:
        self._go("Values")
        self.wait_for_rows()
        plotted = self.page.get_by_role("button", name="no longer")
        while plotted.count():
            plotted.first.click(timeout=120_000)  # a busy machine

    def _scroll(self) -> None:
        self.page.evaluate(SCROLL)

    def _plot(self) -> None:
        self.page.evaluate("clearInterval(window.scrolling); scrollTo(0, 0)")
        self.wait_for_rows()
        boxes = self.page.locator("[role=checkbox][aria-checked=false]")
        for _ in range(PLOTTED):
            boxes.first.click()
        self.page.get_by_role("button", name="1 min", exact=True).click()

    def measure(self, scene: str, seconds: float) -> Frames:
        """Count frames for a while."""
        for each in (self._empty, self.page):
            each.evaluate(COUNT)
        cpu, began = self._task_seconds(), time.monotonic()
        time.sleep(seconds)
        frames, took, longest = self.page.evaluate(READ)
        others, other_took, _ = self._empty.evaluate(READ)
        share = (self._task_seconds() - cpu) / (time.monotonic() - began)
        rate, empty = frames / took * 1_000, others / other_took * 1_000
        return Frames(scene, rate, empty, longest, share)

    def _task_seconds(self) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return next(float(each["value"]) for each in metrics if each["name"] == "TaskDuration")

    # --- memory -------------------------------------------------------------------------------

    def memory(self) -> PageMemory:
        self._session.send("HeapProfiler.collectGarbage")
        heap = self._session.send("Runtime.getHeapUsage")["usedSize"]
        nodes = self._session.send("Memory.getDOMCounters")["nodes"]
        status = Path(f"/proc/{self._pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return PageMemory(heap / 1_024, float(resident.split()[1]), nodes)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_program("chromium"), args=list(ARGS)
        )
        try:
            yield browser
        finally:
            browser.close()
