"""Devices that could be added: real services in the network, and ports of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from oscbridge import (
    DiscoveredService,
    Discovery,
    Endpoint,
    EndpointError,
    FindsDevices,
    NearbyDevice,
)
from oscbridge.nearby import DeviceSearch, FoundNearby
from oscbridge.nearby.local import list_local_devices
from oscbridge.plugins.manager import Plugins
from oscbridge.testing import free_port


class TwoPorts(Endpoint, FindsDevices):
    """Lists two ports."""

    @classmethod
    def local_devices(cls) -> Sequence[NearbyDevice]:
        print("a driver prints what it likes")
        return [NearbyDevice("One", {"port": "one"}, "/dev/one"), NearbyDevice("Two", {"port": 2})]


class NoPorts(Endpoint, FindsDevices):
    """Cannot list its ports."""

    @classmethod
    def local_devices(cls) -> Sequence[NearbyDevice]:
        raise EndpointError("the driver is not installed; install it")


class Crashing(Endpoint, FindsDevices):
    """Its driver ends the process."""

    @classmethod
    def local_devices(cls) -> Sequence[NearbyDevice]:
        import os

        os._exit(3)


class Misreading(Endpoint, FindsDevices):
    """Reads services that it does not understand."""

    service_types = ("_osc-unread._udp",)  # of no other test that runs now

    @classmethod
    def device_of(cls, service: DiscoveredService) -> NearbyDevice | None:
        return NearbyDevice(service.name, {"colour": service.properties["colour"]}, "")


class Reading(Endpoint, FindsDevices):
    """Understands the same services."""

    service_types = ("_osc-unread._udp",)  # of no other test that runs now

    @classmethod
    def device_of(cls, service: DiscoveredService) -> NearbyDevice | None:
        return NearbyDevice(service.name, {}, service.host)


async def test_failure_of_a_plugin_is_a_problem_and_others_find_the_device() -> None:
    name = f"Desk {free_port()}"
    discovery = Discovery(interfaces=("127.0.0.1",))
    search = DeviceSearch({"good": Reading, "bad": Misreading}, lambda: discovery)
    changed = asyncio.Event()
    zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"])
    end = search.watch(changed.set)
    try:
        info = ServiceInfo(
            "_osc-unread._udp.local.",
            f"{name}._osc-unread._udp.local.",
            9_000,
            addresses=[socket.inet_aton("127.0.0.1")],
            server="desk.local.",
        )
        await zeroconf.async_register_service(info)
        async with asyncio.timeout(30):
            while name not in [each.device.name for each in search.result.devices]:
                await changed.wait()
                changed.clear()
        result = search.result
        assert {each.type_name for each in result.devices} == {"good"}
        assert name in result.problems["bad"]
        assert "KeyError: 'colour'" in result.problems["bad"]
        assert "test_search.py" in result.problems["bad"]
    finally:
        end()
        await search.close()
        await zeroconf.async_close()
        await discovery.close()


async def test_devices_of_this_machine_are_listed_by_another_process() -> None:
    found = await list_local_devices(TwoPorts)
    assert found.problem == ""
    assert [each.name for each in found.devices] == ["One", "Two"]
    assert found.devices[1].options == {"port": 2}


@pytest.mark.parametrize(
    ("factory", "problem"),
    [(NoPorts, "the driver is not installed; install it"), (Crashing, "ended with exit code 3")],
)
async def test_devices_that_cannot_be_listed_have_a_reason(
    factory: type[FindsDevices], problem: str
) -> None:
    assert problem in (await list_local_devices(factory)).problem


async def test_announced_services_are_endpoints_that_could_be_added() -> None:
    name = f"Desk {free_port()}"
    services = [(f"{name} osc", "_osc._udp", 10_023), (f"{name} q", "_oscjson._tcp", 8_080)]
    services.append((f"{name} broker", "_mqtt._tcp", 1_883))
    discovery = Discovery(interfaces=("127.0.0.1",))
    search = DeviceSearch(Plugins().endpoint_types, lambda: discovery)
    changed = asyncio.Event()
    zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"])
    end = search.watch(changed.set)
    try:
        for each, kind, port in services:
            info = ServiceInfo(
                f"{kind}.local.",
                f"{each}.{kind}.local.",
                port,
                addresses=[socket.inet_aton("127.0.0.1")],
                server="desk.local.",
            )
            await zeroconf.async_register_service(info)
        found: dict[str, FoundNearby] = {}
        async with asyncio.timeout(30):
            while len(found) < len(services):
                await changed.wait()
                changed.clear()
                found = {
                    each.device.name: each
                    for each in search.result.devices
                    if each.device.name.startswith(name)
                }
        assert found[f"{name} osc"].table == {"type": "osc", "to": f"osc://{name} osc"}
        assert found[f"{name} q"].table == {"type": "oscquery", "find": f"{name} q"}
        broker = found[f"{name} broker"]
        assert broker.table == {"type": "mqtt", "broker": "mqtt://127.0.0.1:1883"}
        assert f"{name} q" in search.values("oscquery", "find")
        short = broker.endpoint_name()
        assert broker.endpoint_name((short,)) == f"{short}_2"
    finally:
        end()
        await search.close()
        await zeroconf.async_close()
        await discovery.close()
