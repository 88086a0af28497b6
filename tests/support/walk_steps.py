"""What a page asks its reader to do beside commands: look at a browser, move a fader."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, expect, sync_playwright
from programs import find_program
from walk_terminals import WAIT, Terminal

__all__ = ["Steps"]

MILLISECONDS: Final = WAIT * 1_000


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Steps:
    """The steps, by the words of their notes; what they open is closed with the stack."""

    def __init__(self, folder: Path, stack: ExitStack, terminals: Mapping[str, Terminal]) -> None:
        self._folder = folder
        self._stack = stack
        self._terminals = terminals
        self._browser: Browser | None = None
        self._page: Page | None = None

    def do(self, name: str, *words: str) -> None:
        if name == "browser":
            self._browse(words[0], " ".join(words[1:]))
        elif name == "broker":
            self._start_broker(*words)
        elif name == "wait-for-subscriber":
            self._wait_for_subscriber(*words)
        elif name == "jack":
            self._start_jack()
        elif name == "wait-for-midi-port":
            self._wait_for_midi_port(*words)
        else:
            raise AssertionError(f"unknown step {name!r}")

    # --- the browser ---------------------------------------------------------------------------

    def _open(self, url: str) -> Page:
        if self._browser is None:
            playwright = self._stack.enter_context(sync_playwright())
            self._browser = playwright.chromium.launch(
                executable_path=find_program("chromium"),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            self._stack.callback(self._browser.close)
        page = self._browser.new_page()
        page.goto(url)
        return page

    def _browse(self, verb: str, text: str) -> None:
        if verb == "open":
            self._page = self._open(text)
            return
        page = self._page
        assert page is not None
        if verb == "sees":
            expect(page.get_by_text(text).first).to_be_visible(timeout=MILLISECONDS)
        elif verb == "clicks":
            page.get_by_role("button", name=text, exact=True).click(timeout=MILLISECONDS)
        elif verb == "has-slider":
            expect(page.get_by_role("slider", name=text)).to_be_visible(timeout=MILLISECONDS)
        elif verb == "waits-for-socket":
            page.wait_for_function("socket.readyState === WebSocket.OPEN")
        elif verb == "shows":
            selector, value = text.split()
            expect(page.locator(selector)).to_have_text(value, timeout=MILLISECONDS)
        elif verb == "sets":
            selector, value = text.split()
            page.locator(selector).fill(value)
        else:
            raise AssertionError(f"unknown step 'browser {verb}'")

    # --- programs ------------------------------------------------------------------------------

    def _start(self, *command: str) -> None:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end() -> None:
            process.terminate()
            process.wait(WAIT)

        self._stack.callback(end)

    def _start_broker(self, host: str, port: str) -> None:
        file = self._folder / "mosquitto.conf"
        file.write_text(f"user root\nlistener {port} {host}\nallow_anonymous true\n")
        self._start("mosquitto", "-c", str(file))

        def is_up() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex((host, int(port))) == 0

        wait_until(is_up, "the broker does not start")

    def _wait_for_subscriber(self, topic: str, terminal: str) -> None:
        """Publish until a subscriber in a terminal prints it."""

        def is_there() -> bool:
            subprocess.run(["mosquitto_pub", "-t", topic, "-m", "probe"], check=True)
            return "probe" in self._terminals[terminal].output

        wait_until(is_there, f"nothing is printed in {terminal}")

    def _start_jack(self) -> None:
        """A sound server without sound: what a machine without a sound card can have."""
        name = f"walk-{os.getpid()}"
        os.environ |= {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
        self._start("jackd", "-r", "-n", name, "-t", "2000", "-d", "dummy", "-p", "1024")
        command = ["jack_wait", "-w", "-t", str(int(WAIT))]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    def _wait_for_midi_port(self, part: str) -> None:
        def is_there() -> bool:
            done = subprocess.run(["jack_lsp"], capture_output=True, text=True, check=False)
            return part in done.stdout

        wait_until(is_there, f"no MIDI port with {part} appears")
