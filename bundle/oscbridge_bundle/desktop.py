"""A start without arguments: the bridge, and its control room in the browser."""

from __future__ import annotations

import time
import webbrowser
from http import HTTPStatus
from threading import Thread
from typing import Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from oscbridge.bridge.config.configuration_source import default_file, saved_file
from oscbridge.cli.running import read_configuration
from oscbridge.errors import OSCBridgeError
from oscbridge.net.any_host import is_any_host
from oscbridge.net.url import HostPort
from oscbridge.plugins.manager import Plugins

__all__ = ["arguments_of_start"]

TIMEOUT: Final = 2.0
"""Seconds for a running bridge to answer."""

START_TIMEOUT: Final = 60.0
"""Seconds within which a bridge must answer for the browser to be opened."""

INTERVAL: Final = 0.1
"""Seconds between two requests until it answers."""


def arguments_of_start() -> list[str]:
    """The arguments to run ``oscbridge`` with; none if it runs and the browser shows it."""
    file = default_file()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    url = _site()
    if url and _answers(url):
        print(f"oscbridge is running already: {url}")
        webbrowser.open(url)
        return []
    if url:
        Thread(target=_open_when_ready, args=(url,), name="browser", daemon=True).start()
    return ["run"]


def _site() -> str:
    """The address of the control room; empty if there is none, or only with a certificate."""
    file = saved_file()
    try:
        plugins = Plugins.for_configuration(file)
        http = read_configuration(file, plugins, allow_broken=True).http
    except OSCBridgeError:
        return ""  # `run` reports it
    if http is None or http.scheme != "http":
        return ""
    listen = http.listen
    host = "127.0.0.1" if is_any_host(listen.host) or listen.host == "0.0.0.0" else listen.host
    return f"http://{HostPort(host, listen.port)}/" if listen.port else ""


def _answers(url: str) -> bool:
    """Whether a bridge serves there."""
    try:
        with build_opener(ProxyHandler({})).open(f"{url}healthz", timeout=TIMEOUT) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (URLError, OSError, ValueError):
        return False


def _open_when_ready(url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not _answers(url):
        if time.monotonic() > deadline:
            return  # the log says why
        time.sleep(INTERVAL)
    webbrowser.open(url)
