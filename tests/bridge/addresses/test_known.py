"""What plugins say about addresses: whatever they raise costs only that."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import oscbridge
from oscbridge import AddressInfo
from oscbridge.bridge.addresses.known import known_by, route_facts
from oscbridge.bridge.config.config import parse

CONFIGURATION = """
[bridge.stage]
[endpoint.lamp]
type = "lamp"
[[route]]
from = "stage"
to = "lamp"
lamp = {}
"""


class LampOptions(oscbridge.Options):
    """Options without keys."""


class LampRoute(oscbridge.Options):
    """Options of a route without keys."""


LampDelivery = oscbridge.Delivery[LampRoute]


class Lamp(
    oscbridge.Endpoint[LampOptions, LampDelivery],
    oscbridge.KnowsAddresses[LampOptions],
    oscbridge.DescribesRoutes[LampRoute],
):
    """An endpoint that fails when it is asked for addresses."""

    error: BaseException

    @classmethod
    def known_addresses(cls, options: LampOptions, /) -> Mapping[str, AddressInfo]:
        raise cls.error

    @classmethod
    def route_facts(cls, options: LampRoute, /) -> AddressInfo | None:
        raise cls.error

    async def send(self, delivery: LampDelivery) -> None:
        """Nothing is sent."""


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(3), GeneratorExit()], ids=repr)
def test_failure_of_a_plugin_is_logged_with_its_endpoint(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Lamp, "error", error, raising=False)
    configuration = parse(CONFIGURATION, {"lamp": Lamp}, "show.toml")
    entries = configuration.endpoints
    caplog.clear()
    assert known_by("lamp", entries["lamp"]) == {}
    assert route_facts(configuration.routes, entries) == {}
    assert [each.getMessage() for each in caplog.records] == [
        "endpoint.lamp: cannot say which addresses it knows",
        "endpoint.lamp: cannot say what its routes are about",
    ]
