"""The contents of the address space: changed step by step, they are as if made at once."""

from __future__ import annotations

import time
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

import oscbridge
from oscbridge.address_space import Access, AddressInfo, AddressOrigin
from oscbridge.address_space.limits import MAX_NODES
from oscbridge.bridge.addresses.contents import SpaceContents
from oscbridge.bridge.config.config import parse
from oscbridge.endpoints.osc.endpoint import OSCEndpoint

HEAD = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:9"
[endpoint.web]
type = "osc"
to = "udp://127.0.0.1:10"
[[route]]
from = ["web", "stage"]
to = "desk"
[[route]]
from = ["desk", "stage"]
match = "/a/{n}"
send = "/of/{n} {*}"
to = "web"
[[route]]
from = "web"
match = "/x/{rest*}"
send = "/{rest} {*}"
to = "desk"
[[route]]
from = "web"
match = "/a/{1..2}"
types = "f"
scale = [0, 1, 0, 127]
to = "desk"
"""
CONFIGURATION = parse(HEAD, {"osc": OSCEndpoint}, "show.toml")
PARTS = ("stage", "desk", "web")

INFOS = st.lists(
    st.builds(
        AddressInfo,
        st.sampled_from(["/a/1", "/a/2", "/a/b", "/b", "/of/1", "/x/b"]),
        st.sampled_from(["", "f", "i", "s"]),
        access=st.sampled_from(Access),
    ),
    unique_by=lambda info: info.address,
    max_size=4,
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([AddressOrigin.MIRRORED, AddressOrigin.TRAFFIC]),
        st.sampled_from(PARTS),
        INFOS,
    ),
    max_size=8,
)


def books(contents: SpaceContents) -> dict[str, dict[str, AddressInfo]]:
    found = {f"visible to {part}": dict(contents.visible_to(part)) for part in PARTS}
    found |= {part: dict(contents.book(part)) for part in PARTS}
    return {**found, "known": dict(contents.known)}


@settings(deadline=None)
@given(STEPS, st.booleans())
def test_contents_changed_step_by_step_are_as_made_at_once(
    steps: list[tuple[AddressOrigin, str, list[AddressInfo]]], looks: bool
) -> None:
    changed, at_once = SpaceContents(CONFIGURATION, {}), SpaceContents(CONFIGURATION, {})
    mirrored: dict[str, list[AddressInfo]] = {}
    seen: dict[str, list[AddressInfo]] = defaultdict(list)
    books(changed)  # from now on views follow
    for origin, part, infos in steps:
        if origin == AddressOrigin.MIRRORED:
            mirrored[part] = infos
            changed.replace(origin, part, infos)
        else:
            seen[part] += infos
            changed.grow(part, infos)
        if looks:
            books(changed)
    for part, infos in mirrored.items():
        at_once.replace(AddressOrigin.MIRRORED, part, infos)
    for part, infos in seen.items():
        at_once.grow(part, infos)
    assert books(changed) == books(at_once)
    assert changed.conflicts() == at_once.conflicts()


def test_contents_ignore_unknown_parts() -> None:
    contents = SpaceContents(CONFIGURATION, {})
    contents.replace(AddressOrigin.MIRRORED, "gone", [AddressInfo("/a")])
    contents.grow("gone", [AddressInfo("/a")])
    assert "/a" not in contents.known


class Facts(oscbridge.Options):
    """Options of a route."""

    unit: str = ""


class Described(
    oscbridge.Endpoint[oscbridge.Options, oscbridge.Delivery[Facts]],
    oscbridge.DescribesRoutes[Facts],
):
    """Knows units from the options of its routes."""

    async def send(self, message: oscbridge.Delivery[Facts]) -> None:
        """Nobody needs it."""

    @classmethod
    def route_facts(cls, options: Facts) -> AddressInfo:
        return AddressInfo("", unit=options.unit)


def test_many_routes_take_no_longer_with_many_addresses() -> None:
    """Addresses are prepared for matching once, not for each route."""
    routes = "".join(
        f"""
        [[route]]
        from = "desk"
        match = "/{n}/fader/*"
        to = "lights"
        [route.described]
        unit = "u{n}"
        [[route]]
        from = "web"
        match = "/{n}/*"
        to = "desk"
        """
        for n in range(80)
    )
    types = {"osc": OSCEndpoint, "described": Described}
    text = f'{HEAD}\n[endpoint.lights]\ntype = "described"\n{routes}'
    contents = SpaceContents(parse(text, types, "show.toml"), {})
    infos = [
        AddressInfo(f"/{n % 100}/{'fader' if n % 2 else 'level'}/{n:05}", "f")
        for n in range(MAX_NODES - 2)
    ]
    infos += [AddressInfo("/meter", access=Access.READ), AddressInfo("/go", access=Access.WRITE)]
    before = time.process_time()
    contents.replace(AddressOrigin.MIRRORED, "desk", infos)
    contents.describe_routes()
    visible = contents.visible_to("web")
    described = contents.book("lights")
    assert time.process_time() - before < 8  # one and a half seconds on an idle machine
    assert "/7/level/00006" not in described
    assert described["/7/fader/00007"].unit == "u7"
    assert visible["/7/fader/00007"].access == Access.WRITE
    assert "/meter" not in visible
