"""Histories that are known before a page opens: rates of parts, and values."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any

import pytest
from control_room import ControlRoomProgram, connected

from oscbridge import Message, encode_message
from oscbridge.testing import until
from oscbridge_ui import value_store
from oscbridge_ui.flow_history import SECONDS, FlowHistory
from oscbridge_ui.parts import Totals
from oscbridge_ui.samples import Samples
from oscbridge_ui.value_store import HISTORY


def test_samples_are_a_ring() -> None:
    samples = Samples(4)
    assert samples.latest(9, 3) == [None, None, None]
    for second in range(10, 17):
        samples.put(second, second)
    assert samples.latest(16, 6) == [None, None, 13, 14, 15, 16]
    samples.put(16, 99)  # another one of the same second
    assert samples.latest(16, 2) == [15, 99]


def test_samples_hold_their_value() -> None:
    samples = Samples(8)
    samples.put(10, 1)
    samples.put(13, 4)
    assert samples.latest(15, 7) == [None, 1, 1, 1, 4, 4, 4]
    samples.put(1_000, 5)  # more seconds than it keeps
    assert samples.latest(1_000, 3) == [4, 4, 5]


def test_samples_may_be_filled_between() -> None:
    samples = Samples(8)
    samples.put(10, 1)
    samples.put(12, 4, 4)
    assert samples.latest(12, 3) == [1, 4, 4]


@pytest.mark.parametrize(("value", "shown"), [(0.1, 0.1), (float("nan"), None), (1e300, None)])
def test_sample_is_valid_json(value: float, shown: float | None) -> None:
    samples = Samples(2)
    samples.put(1, value)
    assert samples.latest(1, 1) == [shown]


def test_flow_history_has_rates_of_parts_and_of_all() -> None:
    history = FlowHistory()
    history.record(100.5, Totals(0, 0, 0, 0), {"bridge.a": (0, 0)})
    history.record(102.5, Totals(20, 10, 7, 2), {"bridge.a": (20, 0)})
    totals = history.totals(103.0)
    assert len(totals.received) == SECONDS
    assert totals.received[-3:] == [None, 10, 10]  # since the first look
    assert (totals.sent[-1], totals.waiting[-1], totals.lost[-1]) == (5, 7, 1)
    part = history.part("bridge.a", 103.0)
    assert part is not None
    assert (part.incoming[-1], part.outgoing[-1], part.incoming[0]) == (10, 0, None)
    history.record(104.5, Totals(20, 10, 7, 2), {})
    assert history.part("bridge.a", 104.5) is None


async def rates_of(program: ControlRoomProgram, id_: str) -> tuple[Any, Any]:
    """What a page that opens now gets first: the totals, and the history of a part."""
    async with connected(program.port) as page:
        await page.send(type="watch_now", part=id_)
        state = await page.next("now")
        totals = state["totals"]
        while state["part"] is None:
            state = await page.next("now")
        return totals, state["part"]


async def test_page_knows_what_was_before_it_was_opened(program: ControlRoomProgram) -> None:
    packets = [encode_message(Message.of("/1/fader1", 0.5))] * 50
    program.send(*packets)
    totals, part = await rates_of(program, "route.faders")
    while not any(totals["received"]) or not any(part["incoming"]):  # it looks every two seconds
        program.send(*packets)
        totals, part = await rates_of(program, "route.faders")
    assert part["id"] == "route.faders"
    assert any(part["outgoing"])


async def test_value_that_is_chosen_comes_with_its_history(program: ControlRoomProgram) -> None:
    address = "/1/fader1"
    async with connected(program.port) as page:
        await page.next("welcome")
        for number in (0.25, 0.75):
            program.send(encode_message(Message.of(address, number)))
            for _ in range(3):
                await page.next("pulse")  # once per second
        await page.send(type="watch_values", count=0, chosen=[address])
        state = await page.next("values")
        while not state["histories"]:
            state = await page.next("values")
        (history,) = state["histories"]
        assert (history["address"], len(history["values"])) == (address, HISTORY)
        known = [each for each in history["values"] if each is not None]
        assert (known[0], known[-1]) == (0.25, 0.75)
        assert known == sorted(known)


async def test_values_stay_known_while_a_page_is_loaded_again(
    program: ControlRoomProgram,
) -> None:
    async with connected(program.port) as page:
        await page.next("welcome")
        program.send(encode_message(Message.of("/a", 1)))
        while (await page.next("pulse"))["addresses"] == 0:
            pass
    async with connected(program.port) as page:
        await page.send(type="watch_values")
        state = await page.next("values")
        while not state["rows"]:
            state = await page.next("values")
        assert [each["address"] for each in state["rows"]] == ["/a"]
        assert state["rows"][0]["time"] > 0


async def test_busiest_addresses_are_those_of_the_last_seconds(
    program: ControlRoomProgram,
) -> None:
    async with connected(program.port) as page:
        await page.send(type="watch_values", sort="rate")
        await page.next("values")  # from here on messages are kept
        program.send(*(encode_message(Message.of("/once", number)) for number in range(200)))
        state = await page.next("values")
        while not state["rows"] or state["rows"][0]["count"] < 200:
            state = await page.next("values")
        orders: list[list[str]] = []
        for _ in range(150):  # fewer messages than the other has in all
            program.send(encode_message(Message.of("/now", 1)))
            orders.append((await page.next("values"))["order"])
            if orders[-1] == ["/now", "/once"]:
                return
        pytest.fail(f"the orders were {orders}")


def test_number_of_histories_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many addresses have a history; one that is silent gives its place to another."""
    monkeypatch.setattr(value_store, "MAX_HISTORIES", 2)
    store = value_store.ValueStore(None)  # type: ignore[arg-type]  # it asks nothing here

    def sample(second: int, **values: float) -> set[str]:
        for name, number in values.items():
            store._put("in", "stage", Message.of(f"/{name}", number), float(second))
        store._sample(second)
        return {each.address for each in store.ordered() if each.samples is not None}

    assert sample(1, a=1, b=1, c=1) == {"/a", "/b"}
    assert sample(2, a=2, c=2) == {"/a", "/b"}
    assert sample(1 + HISTORY + 1, c=3) == {"/a", "/c"}


async def test_values_are_forgotten_some_time_after_the_last_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Values without a page cost neither memory nor time."""
    monkeypatch.setattr(value_store, "KEPT", 0.0)
    watchers: list[object] = []
    hub = SimpleNamespace(add=watchers.append, remove=watchers.remove)
    operations: Any = SimpleNamespace(hub=hub, last_values=list)
    store = value_store.ValueStore(operations)
    store.open()
    store._put("in", "stage", Message.of("/a", 1), 1.0)
    assert [each.address for each in store.ordered()] == ["/a"]
    assert len(watchers) == 1
    store.release()
    await until(lambda: not watchers)
    assert len(store) == 0
    gc.collect()  # also what earlier tests have left
    assert not any(isinstance(each, value_store.StoredValue) for each in gc.get_objects())
