"""Bugs of a plugin that show only when it is asked about valid options."""

from __future__ import annotations

from collections.abc import Collection, Hashable

import pytest

import oscbridge
from oscbridge.bridge.config.config import parse
from oscbridge.errors import OSCBridgeError

CONFIGURATION = '[endpoint.lamp]\ntype = "lamp"\n[endpoint.other]\ntype = "lamp"\n'


class LampOptions(oscbridge.Options):
    """Options without keys."""


class Lamp(oscbridge.Endpoint[LampOptions], oscbridge.SharesMedium[LampOptions]):
    """An endpoint that fails when it is asked for its media."""

    error: BaseException | None = None
    found: Collection[Hashable] = ("air",)

    @classmethod
    def media(cls, options: LampOptions, /) -> Collection[Hashable]:
        if cls.error is not None:
            raise cls.error
        return cls.found

    async def send(self, message: oscbridge.Message) -> None:
        """Nothing is sent."""


@pytest.mark.parametrize(
    ("error", "found", "text"),
    [
        (SystemExit(3), (), "SystemExit: 3"),
        (KeyError("x"), (), "KeyError: 'x'"),
        (None, ([],), "TypeError: unhashable type: 'list'"),
    ],
)
def test_media_that_fail_are_a_bug_of_the_plugin(
    error: BaseException | None,
    found: Collection[Hashable],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Lamp, "error", error)
    monkeypatch.setattr(Lamp, "found", found)
    with pytest.raises(OSCBridgeError) as caught:
        parse(CONFIGURATION, {"lamp": Lamp}, "show.toml")
    first, second = str(caught.value).splitlines()
    problem = f"its plugin is broken: Lamp.media failed: {text}"
    assert first.startswith(f"show.toml: endpoint.lamp: {problem}")
    assert f"{__file__}:" in first
    assert "endpoint.other" in second
    assert parse(CONFIGURATION, {"lamp": Lamp}, "show.toml", allow_broken=True).endpoints
