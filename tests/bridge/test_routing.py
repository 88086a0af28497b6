"""Routes that plugins declare or register, and their restrictions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from app_fixtures import Collect

import oscbridge
from oscbridge.bridge.app import App
from oscbridge.osc import Message

Running = Callable[..., AbstractAsyncContextManager[App]]
Send = Callable[..., object]

IN = '[bridge.in]\nlisten = "udp://127.0.0.1:0"\n'


class Defaulting(Collect):
    """Has a default route for everything under /a."""

    default_routes = ("/a", "/a/*")


class Sociable(Collect):
    """Has a default route for its own messages as well."""

    default_routes = ("*",)
    default_routes_include_self = True


class OnBus(Collect, oscbridge.SharesMedium):  # type: ignore[type-arg]
    """Has default routes unless a route reads from it; all are on one bus."""

    default_routes = ("*",)

    @classmethod
    def default_routes_for(cls, options: object, *, is_source: bool) -> tuple[str, ...]:
        return () if is_source else cls.default_routes

    @classmethod
    def media(cls, options: object) -> tuple[str, ...]:
        return ("bus",)


class TunableRoute(oscbridge.Options):
    channel: int = 1


class Tunable(oscbridge.Endpoint[oscbridge.Options, oscbridge.Delivery[TunableRoute]]):
    """Has options in a route."""

    deliveries: asyncio.Queue[oscbridge.Delivery[TunableRoute]]

    async def connect(self) -> None:
        self.deliveries = asyncio.Queue()

    async def send(self, delivery: oscbridge.Delivery[TunableRoute]) -> None:
        self.deliveries.put_nowait(delivery)


class AddOne:
    """A plugin that adds one route from the bridge."""

    def __init__(self, match: str = "*", **steps: object) -> None:
        self.match = match
        self.steps = steps
        self.routes: list[oscbridge.Routes] = []
        self.sources: list[oscbridge.Source] = []

    def register_routes(self, routes: oscbridge.Routes, source: oscbridge.Source) -> None:
        self.routes.append(routes)
        self.sources.append(source)
        if source.name == "in":
            routes.add(self.match, source.sinks["out"], **self.steps)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _types(types: dict[str, type[oscbridge.Endpoint]]) -> None:
    types.update(default=Defaulting, sociable=Sociable, tunable=Tunable, bus=OnBus)


async def test_default_routes_lead_to_an_endpoint_that_no_route_names(
    running: Running, send: Callable[..., object]
) -> None:
    async with running(IN + '[endpoint.out]\ntype = "default"') as app:
        await send(app, "in", *map(Message, ("/b", "/a", "/a/1", "/ab")))  # type: ignore[misc]
        messages = await app.endpoints["out"].endpoint.arrived(2)
        assert [message.address for message in messages] == ["/a", "/a/1"]
        assert app.dispatchers["in"].statistics.unmatched == 2
        assert app.idle == []


async def test_default_routes_do_not_apply_if_a_route_names_the_endpoint(
    running: Running, send: Callable[..., object]
) -> None:
    text = IN + '[endpoint.out]\ntype = "default"\n[[route]]\nfrom = "in"\nto = "out"\nmatch = "/b"'
    async with running(text) as app:
        await send(app, "in", Message("/a"), Message("/b"))  # type: ignore[misc]
        messages = await app.endpoints["out"].endpoint.arrived(1)
        assert [message.address for message in messages] == ["/b"]


async def test_disabled_route_gets_no_messages_and_no_default_route_replaces_it(
    running: Running, send: Callable[..., object]
) -> None:
    disabled = '[[route]]\nfrom = "in"\nto = "out"\nenabled = false\n'
    text = IN + '[endpoint.out]\ntype = "default"\n' + disabled
    enabled = '[[route]]\nfrom = "in"\nto = "out"\nmatch = "/b"\n'
    async with running(text + enabled) as app:
        await send(app, "in", Message("/a"), Message("/b"))  # type: ignore[misc]
        messages = await app.endpoints["out"].endpoint.arrived(1)
        assert [message.address for message in messages] == ["/b"]
        assert app.dispatchers["in"].statistics.unmatched == 1


async def test_default_routes_read_from_the_endpoint_itself_only_on_request(
    running: Running,
) -> None:
    text = '[endpoint.one]\ntype = "sociable"\n[endpoint.two]\ntype = "default"'
    async with running(text) as app:
        one, two = (app.endpoints[name] for name in ("one", "two"))
        one.endpoint.receive(Message("/a"))
        two.endpoint.receive(Message("/a"))
        assert (one.offered, two.offered) == (2, 1)


async def test_no_default_route_leads_to_an_endpoint_of_the_same_medium(running: Running) -> None:
    text = '[endpoint.one]\ntype = "bus"\n[endpoint.two]\ntype = "bus"\n'
    text += '[endpoint.other]\ntype = "default"'
    async with running(text) as app:
        one, two, other = (app.endpoints[name] for name in ("one", "two", "other"))
        one.endpoint.receive(Message("/a"))
        other.endpoint.receive(Message("/a"))
        assert (one.offered, two.offered, other.offered) == (1, 1, 1)
        assert one.endpoint.neighbours == (two.endpoint,)


async def test_default_routes_may_depend_on_whether_a_route_reads_from_the_endpoint(
    running: Running, send: Callable[..., object]
) -> None:
    text = IN + '[endpoint.out]\ntype = "bus"\n[endpoint.to]\ntype = "default"\n'
    text += '[[route]]\nfrom = "out"\nto = "to"'
    async with running(text) as app:
        await send(app, "in", Message("/a"))  # type: ignore[misc]
        assert app.endpoints["out"].offered == 0


async def test_registered_route_has_types_and_a_function(
    running: Running, send: Callable[..., object]
) -> None:
    def double(message: Message) -> list[Message]:
        return [message._replace(address=f"{message.address}/{n}") for n in range(2)]

    plugin = AddOne("/a/*", types="i", function=double)
    async with running(IN + '[endpoint.out]\ntype = "collect"', plugin) as app:
        await send(app, "in", Message.of("/a/x", 1.0), Message.of("/a/y", 1))  # type: ignore[misc]
        messages = await app.endpoints["out"].endpoint.arrived(2)
        assert [message.address for message in messages] == ["/a/y/0", "/a/y/1"]
        assert {message.origin.source for message in messages if message.origin} == {"in"}


async def test_function_that_raises_is_counted_and_named(
    running: Running, send: Callable[..., object], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(message: Message) -> None:
        raise KeyError("x")

    async with running(IN + '[endpoint.out]\ntype = "collect"', AddOne(function=fail)) as app:
        await send(app, "in", Message("/a"))  # type: ignore[misc]
        await eventually(lambda: app.dispatchers["in"].statistics.failed == 1)
    assert "handler <route to out> for /a raised KeyError('x')" in caplog.text


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def test_options_reach_an_endpoint_that_has_route_options(
    running: Running, send: Callable[..., object]
) -> None:
    plugin = AddOne("/{n}", options=TunableRoute(channel=7))
    async with running(IN + '[endpoint.out]\ntype = "tunable"', plugin) as app:
        await send(app, "in", Message("/a"))  # type: ignore[misc]
        async with asyncio.timeout(10):
            delivery = await app.endpoints["out"].endpoint.deliveries.get()
    assert delivery[1:] == (TunableRoute(channel=7), {"n": "a"})


@pytest.mark.parametrize("kind", ["collect", "tunable"])
def test_options_of_another_model_raise_a_type_error(
    kind: str, make_app: Callable[..., App]
) -> None:
    with pytest.raises(TypeError, match="endpoint 'out' takes "):
        make_app(IN + f'[endpoint.out]\ntype = "{kind}"', AddOne(options=oscbridge.Options()))


def test_routes_are_closed_when_the_hook_has_returned(make_app: Callable[..., App]) -> None:
    plugin = AddOne()
    make_app(IN + '[endpoint.out]\ntype = "collect"', plugin)
    with pytest.raises(RuntimeError, match="only while the hook runs"):
        plugin.routes[0].add("/late", plugin.sources[0].sinks["out"])


def test_reading_the_sinks_of_a_source_adds_no_route(make_app: Callable[..., App]) -> None:
    class Looks:
        def register_routes(self, routes: oscbridge.Routes, source: oscbridge.Source) -> None:
            for sink in source.sinks.values():
                assert {name for name in dir(sink) if name[0] != "_"} == {
                    *("name", "type", "is_routed")
                }
            assert {name for name in dir(routes) if name[0] != "_"} >= {"add"}
            assert not hasattr(routes, "dispatcher")

    app = make_app(IN + '[endpoint.out]\ntype = "collect"', Looks())
    assert app.idle == ["out"]


@pytest.mark.parametrize(("incidental", "idle"), [(True, ["out"]), (False, [])])
def test_incidental_route_leaves_its_endpoint_unused(
    make_app: Callable[..., App], incidental: bool, idle: list[str]
) -> None:
    app = make_app(IN + '[endpoint.out]\ntype = "collect"', AddOne(incidental=incidental))
    assert app.idle == idle
