"""What the commands ask a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final, NamedTuple

import aiohttp
from yarl import URL

import oscbridge
from oscbridge_oscquery.commands import LISTEN, OSCQueryCommand, encode_command
from oscbridge_oscquery.found_server import OSCQUERY
from oscbridge_oscquery.host_info import HostInfo
from oscbridge_oscquery.http_client import OSCQueryQuestions
from oscbridge_oscquery.tree_reader import MirroredNode, TreeReader
from oscbridge_oscquery.tree_text import message_text
from oscbridge_oscquery.websocket_client import open_websocket

__all__ = ["ask_node", "ask_tree", "base_url", "find_servers", "follow", "node_path"]

POLL: Final = 0.5
"""Seconds between questions, where the server has no ``LISTEN``."""


def base_url(text: str) -> str:
    """The URL of a server from ``host:port`` or a URL, without a path."""
    url = text if "://" in text else f"http://{text}"
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].partition("?")[0]
    try:
        parsed = URL(f"{scheme}://{host}")
        is_valid = scheme in ("http", "https") and bool(parsed.host) and bool(parsed.port)
    except ValueError:
        is_valid = False
    if not is_valid:
        raise oscbridge.ConfigurationError(f"{text!r} is not host:port or http://host:port")
    return f"{scheme}://{host}"


def node_path(text: str) -> str:
    """The address of a node; the slash at its start may be missing, one at its end is ignored."""
    return f"/{text.strip('/')}"


class FoundInNetwork(NamedTuple):
    """A server in the local network."""

    service: oscbridge.DiscoveredService
    info: HostInfo | None
    """What it says about itself; None if it does not answer."""


async def find_servers(timeout: float) -> Sequence[FoundInNetwork]:
    """The servers that are found within ``timeout`` seconds."""
    discovery = oscbridge.Discovery()
    try:
        browser = discovery.browse([OSCQUERY])
        await asyncio.sleep(timeout)
        services = tuple(browser.services)
        if not services and browser.problem:
            raise oscbridge.NotConnected(f"nothing can be found: {browser.problem}")
    finally:
        await discovery.close()
    return await asyncio.gather(*map(_ask_found, services))


async def _ask_found(service: oscbridge.DiscoveredService) -> FoundInNetwork:
    try:
        answer = await OSCQueryQuestions(f"http://{service.place}").ask("/", "HOST_INFO")
    except (OSError, oscbridge.OSCBridgeError):
        return FoundInNetwork(service, None)
    return FoundInNetwork(service, HostInfo.read(answer.document))


async def ask_tree(
    url: str, path: str, token: str | None
) -> tuple[HostInfo, Sequence[MirroredNode], str]:
    """What a server says about itself, its nodes, and entries left out of them."""
    path = node_path(path)
    questions = OSCQueryQuestions(base_url(url), token)
    answer = await questions.ask("/", "HOST_INFO")
    info = HostInfo.read(answer.document)
    answer = await questions.ask(path)
    if not answer.is_found:
        raise oscbridge.NotConnected(f"{url} has no node {path} (HTTP status {answer.status})")
    reader = TreeReader()
    nodes = list(reader.nodes(path, answer.document))
    return info, nodes, ", ".join(f"{why} {count}" for why, count in reader.ignored.items())


async def ask_node(url: str, path: str, token: str | None) -> MirroredNode | None:
    """One node; None if the server does not have it."""
    path = node_path(path)
    answer = await OSCQueryQuestions(base_url(url), token).ask(path)
    if not answer.is_found or not isinstance(answer.document, dict):
        return None
    document = {key: each for key, each in answer.document.items() if key != "CONTENTS"}
    found = next(iter(TreeReader().nodes(path, document)), None)
    return found or MirroredNode(oscbridge.AddressInfo(path, access=oscbridge.Access.NONE), None)


async def follow(
    url: str,
    paths: Iterable[str],
    token: str | None,
    count: int | None,
    show: Callable[[str], None],
) -> None:
    """Show the values of nodes, and each change; ``count`` values, or until cancelled."""
    filters = oscbridge.AddressFilter(tuple(paths))
    questions = OSCQueryQuestions(base_url(url), token)
    info = HostInfo.read((await questions.ask("/", "HOST_INFO")).document)
    info = info.seen_from(questions.host)
    shown = _ShownValues(filters, count, show)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        socket = None
        with suppress(oscbridge.NotConnected):  # one without LISTEN
            socket = await open_websocket(session, questions, info, is_watcher=True)
        if socket is not None:
            stack.push_async_callback(socket.close)
        nodes = await _nodes(questions)
        matching = [each.info.address for each in nodes if filters.matches(each.info.address)]
        if not matching:
            raise oscbridge.NotConnected(f"{url} has no node {' or '.join(filters.texts)}")
        if socket is not None:
            for address in matching:
                await socket.send_str(encode_command(OSCQueryCommand(LISTEN, address)))
        shown.add_all(nodes)
        if socket is not None:
            await _read(socket, shown)
            return
        while not shown.is_enough:
            await asyncio.sleep(POLL)
            shown.add_all(await _nodes(questions))


async def _nodes(questions: OSCQueryQuestions) -> list[MirroredNode]:
    answer = await questions.ask("/")
    return list(TreeReader().nodes("/", answer.document)) if answer.is_found else []


async def _read(socket: aiohttp.ClientWebSocketResponse, shown: _ShownValues) -> None:
    while not shown.is_enough:
        frame = await socket.receive()
        if frame.type is aiohttp.WSMsgType.BINARY:
            for message in oscbridge.messages(oscbridge.decode_packet(frame.data)):
                shown.add(message)
        elif frame.type is not aiohttp.WSMsgType.TEXT:
            raise oscbridge.NotConnected("the server has closed the connection")


class _ShownValues:
    """Values that were shown, to show changes only."""

    def __init__(
        self, filters: oscbridge.AddressFilter, count: int | None, show: Callable[[str], None]
    ) -> None:
        self._filters = filters
        self._remaining = count
        self._show = show
        self._values: dict[str, object] = {}

    @property
    def is_enough(self) -> bool:
        return self._remaining == 0

    def add_all(self, nodes: Iterable[MirroredNode]) -> None:
        for node in nodes:
            message = node.message
            if message is not None and self._values.get(message.address) != message.args:
                self.add(message)

    def add(self, message: oscbridge.Message) -> None:
        if self.is_enough or not self._filters.matches(message.address):
            return
        self._values[message.address] = message.args
        self._show(message_text(message))
        if self._remaining is not None:
            self._remaining -= 1
