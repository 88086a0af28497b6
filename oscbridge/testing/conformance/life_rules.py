"""Rules about connecting, sending and closing in any order."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from oscbridge.contract.abilities import Reconfigurable, Serving
from oscbridge.contract.endpoint import Endpoint
from oscbridge.errors import BadMessage, EndpointError, PartialDelivery
from oscbridge.failures import defined_at, failure_text
from oscbridge.testing.conformance.checked_type import RuleFailed, RuleNotRun
from oscbridge.testing.conformance.leftovers import OpenResources
from oscbridge.testing.conformance.loop_watch import LIMIT
from oscbridge.testing.conformance.peer import Peer
from oscbridge.testing.conformance.rule import Rule
from oscbridge.testing.conformance.run import CheckedEndpoint, RuleRun, start
from oscbridge.testing.waiting import until

__all__ = ["LIFE_RULES", "listen", "send_burst", "talk"]

CYCLES: Final = 3
"""How often an endpoint is connected and closed."""

BURST: Final = 256
"""Messages that are sent at once."""

BURST_TIME: Final = 0.3
"""Seconds after which no more messages are sent one by one."""

SAYINGS: Final = 10
"""Messages that the peer sends."""

HEARD_TIMEOUT: Final = 2.0
"""Seconds for a message of the peer to arrive."""

ELSEWHERE: Final = 0.1
"""Seconds of a block that count wherever it is seen. Shorter ones must be in the same line of the
plugin each time: the suite runs there as well, and a busy machine delays any line."""

ATTEMPTS: Final = 3
"""How often the loop must be blocked at a place to be sure that the machine was not just busy."""

CLEAN_ATTEMPTS: Final = 2
"""How often it must not be blocked: on a busy machine, one block may pass for waiting."""


async def _life_cycle(run: RuleRun) -> None:
    run.peer = run.subject.new_peer()
    checked = run.new_endpoint()
    await checked.close()  # never connected
    if run.peer is not None:
        await _try_to_connect(checked)  # the peer is not there
        await checked.close()
        await start(run.peer)
    for _ in range(CYCLES):
        await run.connect(checked)
        await checked.close()
        await checked.close()


async def _try_to_connect(checked: CheckedEndpoint) -> bool:
    try:
        await checked.connect()
    except (OSError, EndpointError):
        return False
    return True


async def _sending(run: RuleRun) -> None:
    if not run.kind.is_sink():
        raise RuleNotRun("it is not a sink")
    run.peer = run.subject.new_peer()
    checked = run.new_endpoint()
    await _expect_not_sent(run, checked, "before connect")
    if run.peer is not None:
        await start(run.peer)
    await run.connect(checked)
    await checked.close()
    await _expect_not_sent(run, checked, "after close")
    if run.peer is not None:
        await run.peer.kill()
        connecting = asyncio.ensure_future(_try_to_connect(checked))
        await asyncio.sleep(0)
        if not connecting.done():
            await _expect_not_sent(run, checked, "during reconnection", may_be_sent=True)
        await connecting
        await checked.close()


async def _expect_not_sent(
    run: RuleRun, checked: CheckedEndpoint, when: str, *, may_be_sent: bool = False
) -> None:
    """Send a message: it may be refused, or it needs no connection."""
    what = checked.name_of_send
    try:
        await checked.send()
    except RuleFailed as error:
        raise RuleFailed(f"{when}, {error}") from error
    except (OSError, EndpointError) as error:
        rejects = isinstance(error, BadMessage) or bool(
            isinstance(error, PartialDelivery) and error.rejected
        )
        if rejects and run.peer is not None:
            raise RuleFailed(
                f"{when}, {what} raises {failure_text(error)}, and a message that its peer takes "
                "is lost; raise oscbridge.NotConnected to keep it"
            ) from error
        return
    needs_connection = run.kind.connect is not Endpoint.connect
    if needs_connection and not may_be_sent and not issubclass(run.kind, Serving):
        place = defined_at(getattr(run.kind, what))
        raise RuleFailed(
            f"{when}, {what} returns, and the message counts as sent; raise "
            f"oscbridge.NotConnected while nothing is open ({place})"
        )


async def _leftovers(run: RuleRun) -> None:
    peer = await run.start_peer()
    before = OpenResources.take()
    checked = await run.connected()
    for cycle in range(CYCLES):
        if cycle:
            await run.connect(checked)
        await talk(run, checked)
        await checked.close()
        await run.expect_nothing_left(before, "after close")
    if peer is None:
        return
    await peer.kill()
    before = OpenResources.take()
    await start(peer)
    await run.connect(checked)
    await talk(run, checked)
    await peer.kill()
    await asyncio.sleep(LIMIT)
    await checked.close()
    await run.expect_nothing_left(before, "after its peer ended, and close")


async def talk(run: RuleRun, checked: CheckedEndpoint, count: int = SAYINGS) -> None:
    """Send some messages each way, as far as the endpoint and its peer do."""
    if run.kind.is_sink():
        try:
            await checked.send(*[checked.message] * count)
        except EndpointError:
            pass  # it does not take this message
    if run.peer is not None:
        await listen(checked, run.peer, count)


async def _receiving(run: RuleRun) -> None:
    if await run.start_peer() is None:
        raise RuleNotRun(f"needs a peer: set {run.hint_at_peer}")
    checked = await run.connected()
    assert run.peer is not None
    is_heard = await listen(checked, run.peer, SAYINGS)
    await checked.close()
    if checked.host.wrong_thread:
        raise RuleFailed(
            f"{checked.host.wrong_thread}; use loop.call_soon_threadsafe(self.receive, message)"
        )
    if not is_heard:
        raise RuleNotRun("its peer sends nothing")


async def listen(checked: CheckedEndpoint, peer: Peer, count: int) -> bool:
    """Let the peer send some messages, and wait for one. Returns False if it sends none.

    Raises :class:`RuleFailed`.
    """
    before = checked.host.incoming
    for _ in range(count):
        if not await peer.say():
            return False
    try:
        await until(lambda: checked.host.incoming > before, HEARD_TIMEOUT)
    except AssertionError:
        name = type(checked.endpoint).__name__
        reported = f"; it reported: {checked.host.lost[-1]}" if checked.host.lost else ""
        raise RuleFailed(
            f"its peer sent {count} messages, and {name} has passed none to receive() within "
            f"{HEARD_TIMEOUT:g} s{reported}"
        ) from None
    return True


async def _blocking(run: RuleRun) -> None:
    run.peer = run.subject.new_peer()
    if run.peer is not None:
        await start(run.peer)
    places: list[set[str]] = []  # of each attempt; empty if it is any
    text, clean = "", 0
    while len(places) < ATTEMPTS:
        run.watch.blocks.clear()
        checked = await run.connected()
        if run.kind.is_sink():
            await send_burst(checked)
        await talk(run, checked)
        _describe_and_update(checked)
        await checked.close()
        await asyncio.sleep(2 * LIMIT)  # the watch notes the last block
        blocks = [each for each in run.watch.blocks if each.place or each.seconds > ELSEWHERE]
        if not blocks:
            clean += 1
            if clean == CLEAN_ATTEMPTS:
                return
            continue
        longest = max(blocks, key=lambda each: each.seconds)
        is_certain = longest.seconds > ELSEWHERE  # wherever it was seen
        places.append(set() if is_certain else {each.place for each in blocks})
        where = longest.place or "in a callback or a thread, in no line of its own"
        text = (
            f"it blocks the event loop for {longest.seconds * 1000:.0f} ms ({where}), more "
            f"than {LIMIT * 1000:.0f} ms; await asyncio.to_thread(...) for what takes time"
        )
    known = [each for each in places if each]
    if not known or set.intersection(*known):
        raise RuleFailed(text)


def _describe_and_update(checked: CheckedEndpoint) -> None:
    """Call the methods that wait for nothing. Other rules are about what they raise."""
    endpoint = checked.endpoint
    endpoint.describe()
    if isinstance(endpoint, Reconfigurable):
        with suppress(Exception):
            endpoint.update(endpoint.options)


async def send_burst(checked: CheckedEndpoint) -> int:
    """Send many messages at once, or as many one by one as there is time for.

    Returns how many.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BURST_TIME
    at_once = BURST if checked.name_of_send == "send_batch" else 1
    for before in range(0, BURST, at_once):
        try:
            await checked.send(*[checked.message] * at_once)
        except EndpointError:
            pass  # it does not take this message
        if loop.time() > deadline:
            return before + at_once
    return BURST


LIFE_RULES = (
    Rule("life-cycle", "connect and close work in any order, and repeatedly", _life_cycle),
    Rule("sending", "a message that is sent without a connection is not lost", _sending),
    Rule("receiving", "what the peer sends arrives, on the event loop", _receiving),
    Rule(
        "leftovers", "no task, timer, descriptor, thread or process is left after close", _leftovers
    ),
    Rule("blocking", f"the event loop is never blocked for {LIMIT * 1000:.0f} ms", _blocking),
)
