"""The address space of a running bridge: the known facts, who sees them, and who is notified."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

import oscbridge
from oscbridge import Access, AddressChange, AddressInfo, ValueRange
from oscbridge.address_space.limits import MAX_NODES
from oscbridge.bridge.addresses.building import SpaceInputs
from oscbridge.bridge.addresses.contents import SpaceContents
from oscbridge.bridge.addresses.endpoint_handle import MAX_AT_ONCE
from oscbridge.osc import infer
from oscbridge.testing import RunningBridge, running_bridge

UNIT = ValueRange(0, 1)
FADER = "/ch/01/mix/fader"


class Tree(oscbridge.Endpoint, oscbridge.UsesAddresses):
    """Serves a tree of addresses."""

    fails = False

    async def connect(self) -> None:
        self.changes: list[AddressChange] = []
        self.at_connect = self.addresses.visible

    async def send(self, message: oscbridge.Message) -> None:
        """Nobody needs it."""

    def on_addresses_changed(self, change: AddressChange) -> None:
        self.changes.append(change)
        if self.fails:
            raise ValueError("no idea")


class OtherTree(Tree):
    """Another one."""

    default_routes = ("/x/*",)


class LevelRoute(oscbridge.Options):
    """Options of a route."""

    unit: str = ""


class Levels(
    oscbridge.Endpoint[oscbridge.Options, oscbridge.Delivery[LevelRoute]],
    oscbridge.DescribesRoutes[LevelRoute],
):
    """Knows units from the options of its routes."""

    async def send(self, message: oscbridge.Delivery[LevelRoute]) -> None:
        """Nobody needs it."""

    @classmethod
    def route_facts(cls, options: LevelRoute) -> AddressInfo | None:
        if options.unit == "broken":
            raise ValueError("no idea")
        return AddressInfo("", unit=options.unit) if options.unit else None


TYPES: dict[str, type[oscbridge.AnyEndpoint]] = {
    "tree": Tree, "other": OtherTree, "levels": Levels,
}  # fmt: skip

PARTS = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.q]
type = "tree"
[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:10023"
profile = "x32"
"""
BOTH = """
[[route]]
from = ["q", "stage"]
to   = "desk"
[[route]]
from = ["desk", "stage"]
to   = "q"
"""


def tree(bridge: RunningBridge, name: str = "q") -> Tree:
    found = bridge.endpoint(name)
    assert isinstance(found, Tree)
    return found


def route(sources: str, to: str, more: str = "") -> str:
    return f'[[route]]\nfrom = "{sources}"\nto = "{to}"\n{more}\n'


async def test_profile_of_the_other_end_is_visible() -> None:
    async with running_bridge(PARTS + BOTH, TYPES) as bridge:
        q = tree(bridge)
        info = q.at_connect[FADER]
        assert (info.types, info.ranges, info.access) == ("f", (UNIT,), Access.BOTH)
        assert (info.unit, info.origin) == ("gain.db", "profile x32")
        assert q.addresses.visible is q.at_connect
        assert bridge.addresses.parts_of(FADER) == ("desk",)
        assert bridge.addresses.known[FADER] == info
        assert not bridge.addresses.book("stage")


@pytest.mark.parametrize(
    ("routes", "access"),
    [
        (route("q", "desk"), Access.WRITE),
        (route("desk", "q"), Access.READ),
        (route("desk", "q") + route("q", "desk", "enabled = false"), Access.READ),
        (route("stage", "q") + route("q", "stage"), None),
        (route("stage", "desk") + route("desk", "stage"), None),
        (route("desk", "q", 'match = "/bus/*"') + route("q", "desk"), Access.WRITE),
    ],
)
async def test_access_is_what_routes_allow(routes: str, access: Access | None) -> None:
    parts = (
        PARTS.replace('0"\n', '0"\n[bridge.stage.clients]\n', 1) if '"stage"\n' in routes else PARTS
    )
    async with running_bridge(parts + routes, TYPES) as bridge:
        found = tree(bridge).addresses.visible.get(FADER)
        assert (None if found is None else found.access) == access


async def test_routes_rename_and_scale_what_is_visible() -> None:
    renamed = route("q", "desk", 'match = "/f/{n}"\nsend = "/ch/{n}/mix/fader {0}"')
    scaled = route("desk", "q", 'match = "/ch/{n}/mix/fader"\nscale = [0, 1, 0, 127]')
    async with running_bridge(PARTS + renamed + scaled, TYPES) as bridge:
        visible = tree(bridge).addresses.visible
        assert visible["/f/01"].access == Access.WRITE
        assert visible["/f/01"].description == "Fader of channel 1"
        assert visible[FADER].access == Access.READ
        assert (visible[FADER].types, visible[FADER].ranges) == ("i", (ValueRange(0, 127),))
        assert len(visible) == 64


async def test_facts_of_the_configuration_count_before_those_of_a_profile() -> None:
    mine = route("q", "desk", f'match = "{FADER}"\nscale = [0, 100, 0, 1]')
    async with running_bridge(PARTS + mine + BOTH, TYPES) as bridge:
        info = tree(bridge).addresses.visible[FADER]
        assert (info.ranges, info.access) == ((ValueRange(0, 100),), Access.BOTH)
        assert info.origin == "configuration, profile x32"
        assert info.description == "Fader of channel 1"


async def test_default_routes_show_addresses() -> None:
    more = '[endpoint.p]\ntype = "other"\n' + route("stage", "q", 'match = "/x/{a,b}"')
    async with running_bridge(PARTS + more, TYPES) as bridge:
        assert set(tree(bridge, "p").addresses.visible) == {"/x/a", "/x/b"}


async def test_peer_of_an_endpoint_is_visible_to_others() -> None:
    more = '[endpoint.mirror]\ntype = "other"\n' + route("mirror", "q")
    async with running_bridge(PARTS + more, TYPES) as bridge:
        mirror, q = tree(bridge, "mirror"), tree(bridge)
        assert not q.at_connect
        mirror.addresses.contribute(
            [AddressInfo("/a", "f", access=Access.READ), AddressInfo("/b", access=Access.WRITE)]
        )
        assert list(q.addresses.visible) == ["/a"]
        assert q.addresses.visible["/a"].origin == "mirrored mirror"
        assert q.addresses.known["/b"].access == Access.WRITE
        await bridge.until(lambda: q.changes)
        assert q.changes == [AddressChange(added=("/a",))]
        mirror.addresses.contribute([AddressInfo("/a", "i", access=Access.READ)])
        await bridge.until(lambda: len(q.changes) == 2)
        assert q.changes[1] == AddressChange(changed=("/a",))
        mirror.addresses.contribute(())
        await bridge.until(lambda: len(q.changes) == 3)
        assert q.changes[2] == AddressChange(removed=("/a",))


async def test_changes_are_reported_together() -> None:
    more = '[endpoint.mirror]\ntype = "other"\n' + route("mirror", "q")
    async with running_bridge(PARTS + more, TYPES) as bridge:
        mirror, q = tree(bridge, "mirror"), tree(bridge)
        for number in range(100):
            mirror.addresses.contribute([AddressInfo(f"/{number}")])
        await bridge.until(lambda: q.changes)
        assert q.changes == [AddressChange(added=("/99",))]


async def test_contribution_stays_at_a_reload_and_goes_with_its_endpoint() -> None:
    mirror_part = '[endpoint.mirror]\ntype = "other"\n'
    more = mirror_part + route("mirror", "q")
    async with running_bridge(PARTS + more, TYPES) as bridge:
        q = tree(bridge)
        tree(bridge, "mirror").addresses.contribute([AddressInfo("/a")])
        assert list(q.addresses.visible) == ["/a"]
        await bridge.reload(PARTS + mirror_part + route("mirror", "q", 'send = "/to{address}"'))
        assert list(q.addresses.visible) == ["/to/a"]
        await bridge.until(lambda: q.changes and "/to/a" in q.changes[-1].added)
        await bridge.reload(PARTS + route("stage", "q"))
        assert not q.addresses.visible
        await bridge.until(lambda: "/to/a" in q.changes[-1].removed)


async def test_reload_reports_what_has_changed() -> None:
    async with running_bridge(PARTS + BOTH, TYPES) as bridge:
        q = tree(bridge)
        before = len(q.at_connect)
        await bridge.reload(PARTS + BOTH.replace("[[route]]", '[[route]]\nmatch = "/ch/01/*"', 2))
        await bridge.until(lambda: q.changes)
        (change,) = q.changes
        assert (change.added, change.changed) == ((), ())
        assert len(change.removed) == before - len(q.addresses.visible)
        assert all(address.startswith("/ch/01/") for address in q.addresses.visible)


async def test_failing_endpoint_is_logged() -> None:
    async with running_bridge(PARTS + BOTH, TYPES) as bridge:
        tree(bridge).fails = True
        await bridge.reload(PARTS + route("desk", "q", 'match = "/bus/*"'))
        await bridge.until(
            lambda: any("on_addresses_changed failed" in line for line in bridge.log)
        )


async def test_watcher_gets_all_addresses() -> None:
    async with running_bridge(PARTS + BOTH, TYPES) as bridge:
        changes: list[AddressChange] = []
        end = bridge.addresses.watch(changes.append)
        tree(bridge).addresses.contribute([AddressInfo("/a")])
        await bridge.until(lambda: changes)
        assert changes == [AddressChange(added=("/a",))]
        end()
        end()
        tree(bridge).addresses.contribute([])
        assert "/a" not in bridge.addresses.known


async def test_options_of_a_route_describe_its_addresses() -> None:
    levels = '[endpoint.levels]\ntype = "levels"\n'
    routes = route("stage", "levels", 'match = "/a"\nlevels = { unit = "mV" }')
    routes += route("desk", "levels", 'match = "/ch/{n}/mix/fader"\nlevels = { unit = "dB" }')
    routes += route("desk", "levels", 'match = "/bus/*"\nlevels = { unit = "broken" }')
    async with running_bridge(PARTS + levels + routes, TYPES) as bridge:
        book = bridge.addresses.book("levels")
        assert (book["/a"].unit, book["/a"].access) == ("mV", Access.WRITE)
        assert book[FADER].unit == "dB"
        assert len(book) == 33
        assert bridge.addresses.known[FADER].unit == "dB"
        assert any("cannot say what its routes are about" in line for line in bridge.log)


async def test_conflicts_are_visible() -> None:
    more = route("q", "desk", f'match = "{FADER}"\ntypes = "s"')
    async with running_bridge(PARTS + more, TYPES) as bridge:
        expected = "desk: 's' (configuration) and 'f' (profile x32)"
        assert bridge.addresses.conflicts == {FADER: expected}


async def test_addresses_above_a_limit_are_counted_and_logged() -> None:
    async with running_bridge(PARTS + BOTH, TYPES) as bridge:
        q = tree(bridge)
        q.addresses.contribute([AddressInfo(f"/{n}") for n in range(MAX_NODES + 1)])
        await bridge.addresses.settle()
        assert bridge.addresses.ignored["nodes"] > 0
        assert len(bridge.addresses.known) == MAX_NODES
        await bridge.until(lambda: any("left out or cut" in line for line in bridge.log))
        q.addresses.contribute([AddressInfo("/a"), AddressInfo("/*")])
        await bridge.addresses.settle()
        assert bridge.addresses.ignored == {"invalid": 1}


# --- beside the event loop -----------------------------------------------------------------------


class Prepared(Tree):
    """Does not block the loop for its first look."""

    async def connect(self) -> None:
        await self.addresses.prepare()
        await super().connect()


class SlowBuild:
    """Waits on the thread that computes contents, until it may continue."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.threads: list[threading.Thread] = []
        self.may_go_on = threading.Event()
        build = SpaceInputs.build

        def slow(inputs: SpaceInputs) -> SpaceContents:
            self.threads.append(threading.current_thread())
            assert self.may_go_on.wait(20)
            return build(inputs)

        monkeypatch.setattr(SpaceInputs, "build", slow)


@pytest.fixture
def slow_build(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowBuild]:
    made = SlowBuild(monkeypatch)
    yield made
    made.may_go_on.set()


async def test_prepared_first_look_is_computed_on_a_thread(slow_build: SlowBuild) -> None:
    slow_build.may_go_on.set()
    async with running_bridge(PARTS + BOTH, {**TYPES, "tree": Prepared}) as bridge:
        assert tree(bridge).at_connect[FADER].types == "f"
        assert tree(bridge).addresses.visible is tree(bridge).at_connect
        await bridge.reload(PARTS + route("q", "desk"))
        assert tree(bridge).addresses.visible[FADER].access == Access.WRITE
        assert len(slow_build.threads) == 2
        assert threading.main_thread() not in slow_build.threads


async def test_all_is_as_before_while_a_reload_is_computed(slow_build: SlowBuild) -> None:
    slow_build.may_go_on.set()
    async with running_bridge(PARTS + BOTH, {**TYPES, "tree": Prepared}) as bridge:
        q = tree(bridge)
        slow_build.may_go_on.clear()
        reloading = asyncio.create_task(bridge.reload(PARTS + route("q", "desk")))
        await bridge.until(lambda: len(slow_build.threads) == 2)
        assert q.addresses.visible is q.at_connect
        q.addresses.contribute([AddressInfo("/mine")])  # is not lost
        assert "/mine" in q.addresses.known
        slow_build.may_go_on.set()
        await reloading
        assert q.addresses.visible[FADER].access == Access.WRITE
        assert "/mine" in q.addresses.known
        await bridge.until(lambda: q.changes)
        assert FADER in q.changes[0].changed


async def test_large_contribution_is_computed_on_a_thread(slow_build: SlowBuild) -> None:
    slow_build.may_go_on.set()
    more = '[endpoint.mirror]\ntype = "other"\n' + route("mirror", "q")
    async with running_bridge(PARTS + more, TYPES) as bridge:
        mirror, q = tree(bridge, "mirror"), tree(bridge)
        before = len(slow_build.threads)
        for start in (0, 1):  # the second one while the first one is computed
            infos = [AddressInfo(f"/{n}") for n in range(start, MAX_AT_ONCE + start + 1)]
            mirror.addresses.contribute(infos)
        await bridge.addresses.settle()
        assert len(q.addresses.visible) == MAX_AT_ONCE + 1
        assert "/0" not in q.addresses.visible
        assert threading.main_thread() not in slow_build.threads[before:]
        await bridge.until(lambda: q.changes)
        assert "/1" in q.changes[0].added


async def test_failure_to_compute_is_logged_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running_bridge(PARTS + BOTH, {**TYPES, "tree": Prepared}) as bridge:
        monkeypatch.setattr(SpaceInputs, "build", lambda _: 1 // 0)
        await bridge.reload(PARTS + route("q", "desk"))
        assert tree(bridge).addresses.visible is tree(bridge).at_connect
        assert any("cannot compute the known addresses" in line for line in bridge.log)


async def test_routes_with_other_types_are_overloads() -> None:
    routes = "".join(
        route("q", "desk", f'match = "/x"\ntypes = "{types}"') for types in ("f", "s", "i")
    )
    async with running_bridge(PARTS + routes, TYPES) as bridge:
        info = tree(bridge).addresses.visible["/x"]
        assert (info.types, info.overloads) == ("f", ("s",))


# --- traffic -------------------------------------------------------------------------------------


def message(address: str, *args: oscbridge.Argument) -> oscbridge.Message:
    return oscbridge.Message(address, infer(args), args)


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading", "forking"])
async def test_addresses_of_messages_are_learned_in_every_mode(mode: str) -> None:
    parts = PARTS.replace('0"\n', f'0"\nmode = "{mode}"\n', 1)
    async with running_bridge(f"[run]\nlearn_addresses = 2\n{parts}{BOTH}", TYPES) as bridge:
        q = tree(bridge)
        bridge.send("stage", message("/x", 0.5))
        await bridge.until(lambda: any("/x" in change.added for change in q.changes))
        info = q.addresses.visible["/x"]
        assert (info.types, info.origin) == ("f", "traffic")
        # It was received from the stage, and sent on to the desk.
        await bridge.until(lambda: q.addresses.visible["/x"].access == Access.BOTH)
        assert "stage" in bridge.addresses.parts_of("/x")


async def test_learning_ends_at_its_limit_and_is_counted() -> None:
    async with running_bridge(f"[run]\nlearn_addresses = 2\n{PARTS}{BOTH}", TYPES) as bridge:
        q = tree(bridge)
        for address in ("/1", "/2", "/3", "/*", "/a//b"):
            bridge.send("stage", message(address))
        await bridge.until(lambda: bridge.addresses.ignored["invalid"] >= 2)
        assert bridge.addresses.ignored["learned"] > 0
        assert {"/1", "/2"} <= set(q.addresses.visible)
        assert "/3" not in q.addresses.known
        await bridge.reload(f"[run]\nlearn_addresses = 2\n{PARTS}{route('stage', 'q')}")
        assert set(q.addresses.visible) == {"/1", "/2"}
        await bridge.reload(PARTS + route("stage", "q"))
        assert not q.addresses.visible


async def test_nothing_is_learned_by_default() -> None:
    async with running_bridge(PARTS + BOTH, TYPES, record=["q"]) as bridge:
        values = bridge.addresses.keep_values(["stage"])
        bridge.send("stage", message("/x", 0.5))
        await bridge.until(lambda: len(values))
        assert "/x" not in bridge.addresses.known


# --- values --------------------------------------------------------------------------------------


async def test_values_of_an_endpoint_are_those_that_pass_it() -> None:
    async with running_bridge(PARTS + route("stage", "q") + route("q", "desk"), TYPES) as bridge:
        q = tree(bridge)
        values = q.addresses.keep_values()
        assert q.addresses.keep_values() is values
        bridge.send("stage", message("/x", 0.5))
        await bridge.until(lambda: values.get("/x"))
        q.receive(message("/y", 1))
        found = values.snapshot()
        assert [found["/x"][:2], found["/x"][3:]] == [("f", (0.5,)), ("out", "q")]
        assert [found["/y"][:2], found["/y"][3:]] == [("i", (1,)), ("in", "q")]


async def test_values_end_with_their_reader() -> None:
    async with running_bridge(PARTS + route("q", "desk"), TYPES) as bridge:
        q = tree(bridge)
        values, all_values = q.addresses.keep_values(), bridge.addresses.keep_values()
        q.receive(message("/x"))
        assert (len(values), len(all_values)) == (1, 1)
        all_values.close()
        q.receive(message("/y"))
        assert (len(values), len(all_values)) == (2, 1)


async def test_unused_space_costs_nothing() -> None:
    parts = PARTS.replace('type = "tree"', 'type = "recording"')
    async with running_bridge(parts + BOTH) as bridge:
        bridge.send("stage", message("/x"))
        await bridge.recording("q").arrived(1)
        assert not bridge.addresses.is_used


async def test_reload_without_changes_of_routes_computes_nothing() -> None:
    async with running_bridge(PARTS + BOTH, TYPES) as bridge:
        q = tree(bridge)
        await bridge.reload("[run]\ndrain_timeout = 1\n" + PARTS + BOTH)
        assert q.addresses.visible is q.at_connect
