"""The children of the forking servers, without the servers."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is not available here")

HEAD = """
import os, signal, sys, time
from oscbridge.server.children import Children

children = Children(3)

def until_none():
    while children:
        children.reap()
"""


def run(body: str) -> list[str]:
    """Run a separate program, because this process has threads; returns the lines it writes."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(body)],
        capture_output=True, text=True, timeout=20, check=False,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_work_is_done_in_another_process() -> None:
    assert run(
        """
        parent = os.getpid()
        children.fork(lambda: print(os.getpid() != parent, os.getppid() == parent))
        until_none()
        print(children.failed)
        """
    ) == ["True True", "0"]


def test_fork_is_possible_up_to_the_limit() -> None:
    assert run(
        """
        for _ in range(3):
            print(children.wait_below_limit(0), len(children))
            children.fork(lambda: time.sleep(60))
        print(children.wait_below_limit(0), len(children))
        children.stop(0)
        print(children.wait_below_limit(0), len(children), children.failed)
        """
    ) == ["True 0", "True 1", "True 2", "False 3", "True 0 3"]


def test_fork_can_wait_for_room() -> None:
    assert run(
        """
        near, far = os.pipe()
        for _ in range(3):
            children.fork(lambda: os.read(near, 1))
        os.write(far, b"x")
        print(children.wait_below_limit(10), len(children))
        children.stop(0)
        """
    ) == ["True 2"]


def test_buffered_output_is_written_once() -> None:
    assert run(
        """
        print("parent")
        children.fork(lambda: print("child"))
        until_none()
        """
    ) == ["parent", "child"]


@pytest.mark.parametrize(
    ("work", "failed"),
    [
        ("None", 0),
        ("sys.exit()", 0),
        ("sys.exit(0)", 0),
        ("sys.exit(2)", 1),
        ("sys.exit('why')", 1),
        ("sys.exit(2 ** 70 + 1)", 1),
        ("1 // 0", 1),
        ("os._exit(1)", 1),
        ("os.kill(os.getpid(), signal.SIGKILL)", 1),
    ],
)
def test_failed_child_is_counted(work: str, failed: int) -> None:
    assert run(f"children.fork(lambda: {work}); until_none(); print(children.failed)") == [
        str(failed)
    ]


def test_child_never_returns_from_the_fork() -> None:
    assert run(
        """
        try:
            children.fork(lambda: 1 // 0)
        finally:
            print("once")
        until_none()
        """
    ) == ["once"]


def test_stop_lets_children_finish() -> None:
    assert run(
        """
        children.fork(lambda: time.sleep(0.2) or print("done"))
        children.stop(10)
        print(len(children), children.failed)
        """
    ) == ["done", "0 0"]


def test_stop_kills_children_that_do_not_finish() -> None:
    assert run(
        """
        def stubborn():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.write(far, b"x")
            time.sleep(60)

        near, far = os.pipe()
        children.fork(stubborn)
        os.read(near, 1)
        children.stop(0.05)
        print(len(children), children.failed)
        """
    ) == ["0 1"]


def test_second_ctrl_c_kills_all_children() -> None:
    assert run(
        """
        children.fork(lambda: time.sleep(60))
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        try:
            children.stop(60)
        except KeyboardInterrupt:
            print("interrupted")
        until_none()
        print(children.failed)
        """
    ) == ["interrupted", "1"]


def test_child_reaped_elsewhere_is_removed() -> None:
    assert run(
        """
        children.fork(lambda: None)
        os.wait()
        children.stop(0)
        print(len(children), children.failed)
        """
    ) == ["0 0"]


def test_signal_handlers_are_unchanged_after_a_fork() -> None:
    assert run(
        """
        def work():
            print(signal.pthread_sigmask(signal.SIG_BLOCK, ()),
                  signal.getsignal(signal.SIGINT) == signal.SIG_DFL)

        children.fork(work)
        until_none()
        print(signal.pthread_sigmask(signal.SIG_BLOCK, ()),
              signal.getsignal(signal.SIGINT) == signal.default_int_handler)
        """
    ) == ["set() True", "set() True"]


def test_process_without_output_can_fork() -> None:
    assert run(
        """
        out, sys.stdout = sys.stdout, None
        children.fork(lambda: None)
        until_none()
        sys.stdout = out
        print(children.failed)
        """
    ) == ["0"]
