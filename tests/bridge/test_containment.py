"""An exception in a function of a route or in an endpoint costs one message or one attempt."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import oscbridge
from oscbridge import Endpoint, Message
from oscbridge.bridge.app import App
from oscbridge.contract.source import Routes, Source
from oscbridge.osc.framing import stream_encoder
from oscbridge.testing import RecordingEndpoint, until

WAIT = 20.0
MODES = ["asyncio", "blocking", "threading", "forking"]


class Panic(BaseException):
    """As PyO3 raises it when Rust code panics."""


ERRORS: list[type[BaseException]] = [
    asyncio.CancelledError,
    GeneratorExit,
    KeyboardInterrupt,
    SystemExit,
    Panic,
]
raising_anything = pytest.mark.parametrize("error", ERRORS, ids=lambda each: each.__name__)

MODULE = """
import asyncio
import oscbridge

class Panic(BaseException):
    pass

def explode(message):
    if message.address == "/explode":
        raise {error}()
    return message

def explode_late(message):
    yield message
    if message.address == "/explode":
        raise {error}()
"""

BRIDGE = """
[bridge.stage]
listen = "{scheme}://127.0.0.1:0"
mode = "{mode}"

[endpoint.desk]
type = "{type}"
"""
ROUTE = """
[[route]]
from = "stage"
to = "desk"
"""

Running = Callable[..., object]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> str:
    """The name of a module with functions that raise ``error``."""
    name = f"exploding_{abs(hash(tmp_path))}"
    place = "asyncio." if error is asyncio.CancelledError else ""
    (tmp_path / f"{name}.py").write_text(MODULE.format(error=place + error.__name__))
    monkeypatch.syspath_prepend(tmp_path)
    return name


def received(app: App, name: str = "desk") -> list[str]:
    endpoint = app.endpoints[name].endpoint
    assert isinstance(endpoint, RecordingEndpoint)
    return [message.address for message in endpoint.messages]


def lost(app: App) -> Counter[str]:
    """The messages that the route lost; those of a forked worker are counted by its source."""
    return app.routes[0].counts.failed + app.dispatchers["stage"].statistics.dropped


async def send_to(app: App, scheme: str, *addresses: str) -> None:
    """All at once, so that they are in one batch if the server reads batches."""
    address = app.listeners["stage"].address
    kind = socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.connect((address.host, address.port))
        encode = bytes if scheme == "udp" else stream_encoder("1.1")
        for each in addresses:
            sock.sendall(encode(oscbridge.encode_message(Message.of(each))))


# --- functions -----------------------------------------------------------------------------------


@raising_anything
@pytest.mark.parametrize("scheme", ["udp", "tcp"])
@pytest.mark.parametrize("mode", MODES)
async def test_exception_in_a_function_costs_one_message(
    mode: str,
    scheme: str,
    error: type[BaseException],
    module: str,
    running: Running,
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = BRIDGE.format(scheme=scheme, mode=mode, type="collect")
    text += ROUTE + f'function = "{module}:explode"\n'
    async with running(text) as app:
        await send_to(app, scheme, "/1", "/explode", "/2")
        await send_to(app, scheme, "/3")
        await until(lambda: len(received(app)) == 3)
        await until(lambda: lost(app))
        assert lost(app) == {"function": 1}
        assert app.listeners["stage"].problem == ""
    assert sorted(received(app)) == ["/1", "/2", "/3"]
    (line,) = [each for each in caplog.records if "explode failed" in each.getMessage()]
    assert line.levelno == logging.ERROR
    assert line.getMessage().startswith("route 1 (*): 1 message lost: ")
    assert f"failed: {error.__name__} (" in line.getMessage()
    assert line.getMessage().endswith(f"{module}.py:10)")


@raising_anything
async def test_exception_in_a_generator_keeps_its_earlier_messages(
    error: type[BaseException], module: str, running: Running
) -> None:
    text = BRIDGE.format(scheme="udp", mode="asyncio", type="collect")
    text += ROUTE + f'function = "{module}:explode_late"\n'
    async with running(text) as app:
        await send_to(app, "udp", "/explode", "/2")
        await until(lambda: len(received(app)) == 2)
        assert app.routes[0].counts.failed == {"function": 1}
    assert received(app) == ["/explode", "/2"]


class _Exploding:
    """Hooks with a route through a function that raises ``error``."""

    def __init__(self, error: type[BaseException]) -> None:
        self._error = error

    def register_routes(self, routes: Routes, source: Source) -> None:
        if source.name == "stage":
            routes.add("*", source.sinks["desk"], function=self._function)

    def _function(self, message: Message) -> Message:
        if message.address == "/explode":
            raise self._error
        return message


@raising_anything
@pytest.mark.parametrize("scheme", ["udp", "tcp"])
@pytest.mark.parametrize("mode", MODES)
async def test_exception_in_a_function_of_a_plugin_costs_one_message(
    mode: str, scheme: str, error: type[BaseException], running: Running
) -> None:
    text = BRIDGE.format(scheme=scheme, mode=mode, type="collect")
    async with running(text, _Exploding(error)) as app:
        await send_to(app, scheme, "/1", "/explode", "/2")
        await send_to(app, scheme, "/3")
        await until(lambda: len(received(app)) == 3)
        await until(lambda: app.dispatchers["stage"].statistics.failed)
        assert app.dispatchers["stage"].statistics.failed == 1
        assert app.listeners["stage"].problem == ""
    assert sorted(received(app)) == ["/1", "/2", "/3"]


# --- endpoints -----------------------------------------------------------------------------------


def endpoint_that(error: type[BaseException], place: str) -> type[Endpoint]:
    """An endpoint that raises ``error`` at the first call of a method, or for "/explode"."""

    class Exploding(RecordingEndpoint):
        is_armed = True

        def explode(self, where: str) -> None:
            if where == place and self.is_armed:
                self.is_armed = False
                raise error

        async def connect(self) -> None:
            self.explode("connect")

        async def send_batch(self, messages: object) -> None:
            assert isinstance(messages, list | tuple)
            if any(message.address == "/explode" for message in messages):
                self.explode("send_batch")
            await super().send_batch(messages)

        async def close(self) -> None:
            self.explode("close")

    class ExplodingOneByOne(Exploding):
        async def send(self, message: Message) -> None:
            if message.address == "/explode":
                self.explode("send")
            await RecordingEndpoint.send_batch(self, (message,))

        send_batch = Endpoint.send_batch  # type: ignore[assignment]

    return ExplodingOneByOne if place == "send" else Exploding


@raising_anything
@pytest.mark.parametrize("place", ["send", "send_batch"])
@pytest.mark.parametrize("mode", MODES)
async def test_exception_in_send_costs_that_message(
    mode: str,
    place: str,
    error: type[BaseException],
    types: dict[str, type[Endpoint]],
    running: Running,
    caplog: pytest.LogCaptureFixture,
) -> None:
    types["exploding"] = endpoint_that(error, place)
    text = BRIDGE.format(scheme="udp", mode=mode, type="exploding") + ROUTE
    async with running(text) as app:
        desk = app.endpoints["desk"]
        for count, address in enumerate(("/1", "/explode", "/2"), 1):  # each is a batch
            await send_to(app, "udp", address)
            await until(lambda count=count: desk.sent + sum(desk.drops.values()) == count)
        assert app.endpoints["desk"].connected
        assert app.endpoints["desk"].drops == {"error": 1}
    assert received(app) == ["/1", "/2"]
    (line,) = [each for each in caplog.records if "1 message lost" in each.getMessage()]
    assert f"{error.__name__} ({__file__}:" in line.getMessage()


@raising_anything
@pytest.mark.parametrize("on_start", ["retry", "ignore", "error"])
async def test_exception_in_connect_costs_that_attempt(
    on_start: str,
    error: type[BaseException],
    types: dict[str, type[Endpoint]],
    running: Running,
    caplog: pytest.LogCaptureFixture,
) -> None:
    types["exploding"] = endpoint_that(error, "connect")
    text = BRIDGE.format(scheme="udp", mode="asyncio", type="exploding")
    text += f'on_start = "{on_start}"\n' + ROUTE
    if on_start == "error":
        with pytest.raises(oscbridge.OSCBridgeError, match=rf"{error.__name__} \(.*py:"):
            async with running(text):
                pass
        return
    async with running(text) as app:
        if on_start == "retry":
            await until(lambda: app.endpoints["desk"].connected)
            await send_to(app, "udp", "/1")
            await until(lambda: received(app) == ["/1"])
        else:
            assert error.__name__ in app.endpoints["desk"].problem
    assert f"not connected: {error.__name__} ({__file__}:" in caplog.text


@raising_anything
async def test_exception_in_close_is_logged(
    error: type[BaseException],
    types: dict[str, type[Endpoint]],
    running: Running,
    caplog: pytest.LogCaptureFixture,
) -> None:
    types["exploding"] = endpoint_that(error, "close")
    text = BRIDGE.format(scheme="udp", mode="asyncio", type="exploding") + ROUTE
    async with running(text):
        pass
    assert f"close failed: {error.__name__} ({__file__}:" in caplog.text


@raising_anything
async def test_receive_returns_despite_any_exception_in_a_function(
    error: type[BaseException], module: str, running: Running
) -> None:
    text = '[endpoint.in]\ntype = "source"\n[endpoint.desk]\ntype = "collect"\n'
    text += f'[[route]]\nfrom = "in"\nto = "desk"\nfunction = "{module}:explode"\n'
    async with running(text) as app:
        source = app.endpoints["in"].endpoint
        source.receive(Message.of("/explode"))
        source.receive(Message.of("/1"))
        await until(lambda: received(app) == ["/1"])
        assert app.routes[0].counts.failed == {"function": 1}


async def test_delivery_continues_after_an_endpoint_cancelled_its_task(
    types: dict[str, type[Endpoint]], running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    class Cancelling(RecordingEndpoint):
        async def send_batch(self, messages: object) -> None:
            assert isinstance(messages, list | tuple)
            if messages[0].address == "/explode":
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
                await asyncio.sleep(0)
            await super().send_batch(messages)

    types["cancelling"] = Cancelling
    text = BRIDGE.format(scheme="udp", mode="asyncio", type="cancelling") + ROUTE
    async with running(text) as app:
        await send_to(app, "udp", "/explode")
        await until(lambda: app.endpoints["desk"].drops["error"])
        await send_to(app, "udp", "/2")
        await until(lambda: received(app) == ["/2"])
    assert "delivery ended" in caplog.text
