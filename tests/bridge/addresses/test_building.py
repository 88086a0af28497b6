"""Building contents beside the event loop."""

from __future__ import annotations

import asyncio

from oscbridge.bridge.addresses.building import ContentsBuilder, SpaceInputs
from oscbridge.bridge.addresses.contents import SpaceContents
from oscbridge.bridge.config.config import parse

CONFIGURATION = parse("[bridge.a]\nlisten = 'udp://127.0.0.1:0'\n", {}, "a.toml")


class Built:
    """The contents that were built, with their inputs."""

    def __init__(self) -> None:
        self.inputs: list[SpaceInputs] = []
        self.builder = ContentsBuilder(self._inputs, self._built)
        self.is_changed_meanwhile = False

    def _inputs(self) -> SpaceInputs:
        return SpaceInputs(CONFIGURATION, {}, {}, {}, frozenset())

    def _built(self, inputs: SpaceInputs, contents: SpaceContents) -> None:
        self.inputs.append(inputs)
        if self.is_changed_meanwhile:
            self.is_changed_meanwhile = False
            self.builder.request()


async def test_changes_meanwhile_are_built_before_it_is_done() -> None:
    built = Built()
    built.is_changed_meanwhile = True
    built.builder.request()
    built.builder.request()
    assert built.builder.is_busy
    await built.builder.wait()
    assert len(built.inputs) == 2
    assert not built.builder.is_busy


async def test_waiting_ends_when_it_is_cancelled_before_it_begins() -> None:
    built = Built()
    built.builder.request()
    built.builder.cancel()
    await asyncio.wait_for(built.builder.wait(), 10)
    assert built.inputs == []
    built.builder.request()
    await built.builder.wait()
    assert len(built.inputs) == 1


async def test_nothing_to_build_is_no_wait() -> None:
    await Built().builder.wait()
