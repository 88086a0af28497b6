"""Follows the README: ``make run``, the page of the bridge, a message, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from threading import Timer
from urllib.request import urlopen

PAGE = "http://127.0.0.1:8080/"
CONTROL_ROOM = "http://127.0.0.1:9180/"
READY = "Ctrl-C stops it"
START_TIMEOUT, STOP_TIMEOUT, PAGE_TIMEOUT = 600.0, 20.0, 10.0


def check(condition: bool, what: str) -> None:
    if not condition:
        raise AssertionError(what)


def wait_until_ready(process: subprocess.Popen[str]) -> str:
    """The output up to the line that reports that it is running."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        sys.stdout.write(f"  {line}")
        sys.stdout.flush()
        if READY in line:
            return printed
    raise AssertionError(f"`make run` ended before the bridge ran:\n{printed}")


def try_bridge() -> None:
    with urlopen(PAGE, timeout=PAGE_TIMEOUT) as answer:
        check(answer.status == 200, f"{PAGE} answers with status {answer.status}")
        check("<html" in answer.read().decode(), f"{PAGE} is not a page")
    with urlopen(CONTROL_ROOM, timeout=PAGE_TIMEOUT) as answer:
        page = answer.read().decode()
        check("<script" in page, f"the page of the control room is not built:\n{page}")
    command = [".venv/bin/oscbridge", "send", "/hello", "1"]
    sent = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    check(sent.startswith("sent /hello ,i 1"), f"`oscbridge send` prints {sent!r}")


def main() -> None:
    began = time.monotonic()
    process = subprocess.Popen(
        ["make", "run"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    watchdog = Timer(START_TIMEOUT, os.killpg, (process.pid, signal.SIGKILL))
    watchdog.start()
    try:
        wait_until_ready(process)
        try_bridge()
        took = time.monotonic() - began
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=STOP_TIMEOUT)
        check("Traceback" not in rest, rest)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    print(f"The page of the bridge answered {took:.0f} s after `make run`; Ctrl-C ended it")


if __name__ == "__main__":
    main()
