"""Threads that receive alternately."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import pytest

from oscbridge.server.leader_followers import LeaderFollowers, Work

WAIT = 20.0


class Crew:
    """A thread pool fed by a queue."""

    def __init__(self, max_threads: int) -> None:
        self.inbox: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self.leading = 0
        self.together = 0
        self.threads = LeaderFollowers(self._receive, max_threads, "crew")
        self.threads.start()

    def _receive(self) -> Work | None:
        self.leading += 1
        self.together = max(self.together, self.leading)
        try:
            return self.inbox.get(timeout=0.02)
        except queue.Empty:
            return None
        finally:
            self.leading -= 1

    def run(self, work: Callable[[], None]) -> threading.Event:
        """Submit work; the event is set when it has ended."""
        ended = threading.Event()

        def do() -> None:
            try:
                work()
            finally:
                ended.set()

        self.inbox.put(do)
        return ended


@pytest.fixture
def crew() -> Iterator[Callable[[int], Crew]]:
    made: list[Crew] = []

    def make(max_threads: int) -> Crew:
        made.append(Crew(max_threads))
        return made[-1]

    yield make
    for one in made:
        assert one.threads.stop(WAIT) == 0


def test_sequential_work_uses_one_thread(
    crew: Callable[[int], Crew],
) -> None:
    one = crew(1)
    names: list[str] = []
    for _ in range(20):
        assert one.run(lambda: names.append(threading.current_thread().name)).wait(WAIT)
    assert set(names) == {"crew-0"}
    assert len(one.threads) == 1


def test_work_runs_concurrently(crew: Callable[[int], Crew]) -> None:
    one = crew(4)
    together = threading.Barrier(4)
    ended = [one.run(lambda: together.wait(WAIT) and None) for _ in range(4)]
    assert all(event.wait(WAIT) for event in ended)
    assert not together.broken


def test_max_threads_bounds_simultaneous_work(crew: Callable[[int], Crew]) -> None:
    one = crew(3)
    begun: queue.SimpleQueue[int] = queue.SimpleQueue()
    go_on = threading.Event()

    def work() -> None:
        begun.put(1)
        go_on.wait(WAIT)

    ended = [one.run(work) for _ in range(9)]
    for _ in range(3):
        begun.get(timeout=WAIT)
    with pytest.raises(queue.Empty):
        begun.get(timeout=0.1)
    assert len(one.threads) == 3
    go_on.set()
    assert all(event.wait(WAIT) for event in ended)
    assert len(one.threads) == 3


def test_only_one_thread_receives_at_a_time(crew: Callable[[int], Crew]) -> None:
    one = crew(4)
    together = threading.Barrier(4)
    for _ in range(10):
        ended = [one.run(lambda: together.wait(WAIT) and None) for _ in range(4)]
        assert all(event.wait(WAIT) for event in ended)
    assert one.together == 1


@pytest.mark.parametrize("error", [SystemExit, ValueError])
def test_failing_work_ends_no_thread(
    crew: Callable[[int], Crew], error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.exc_type))
    one = crew(2)

    def broken() -> None:
        raise error("oops")

    for _ in range(5):
        assert one.run(broken).wait(WAIT)
    assert one.run(lambda: None).wait(WAIT)
    assert one.run(lambda: None).wait(WAIT)
    assert told == [error] * 5


def test_exception_in_receive_stops_the_threads_and_is_kept() -> None:
    def receive() -> Work | None:
        raise OSError("no socket")

    crew = LeaderFollowers(receive, 3, "crew")
    crew.start()
    assert crew.stopping.wait(WAIT)
    assert crew.stop(WAIT) == 0
    assert isinstance(crew.error, OSError)


def test_stop_waits_for_running_work(crew: Callable[[int], Crew]) -> None:
    one = crew(2)
    begun, go_on = threading.Event(), threading.Event()
    ended = one.run(lambda: begun.set() or (go_on.wait(WAIT) and None))
    assert begun.wait(WAIT)
    assert one.threads.stop(0.01) > 0
    go_on.set()
    assert one.threads.stop(WAIT) == 0
    assert ended.is_set()


def test_no_work_is_accepted_after_the_stop(crew: Callable[[int], Crew]) -> None:
    one = crew(2)
    assert one.threads.stop(WAIT) == 0
    one.run(lambda: None)
    assert one.inbox.qsize() == 1


@pytest.mark.parametrize("max_threads", [0, -1])
def test_at_least_one_thread_is_required(max_threads: int) -> None:
    with pytest.raises(ValueError, match="max_threads"):
        LeaderFollowers(lambda: None, max_threads, "crew")
