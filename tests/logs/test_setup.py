"""The log: lines, colours, and slow, stalled or closed readers."""

from __future__ import annotations

import json
import logging
import os
import pty
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oscbridge
from oscbridge.logs.format import MAX_ERROR, MAX_TEXT, JSONLines, Lines, TextLines, visible
from oscbridge.logs.rate_limited import FIRST_PERIOD, PERIOD
from oscbridge.logs.stderr import MAX_WAITING, StandardError

# Any character, including lone surrogates.
TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)


def record(text: str, name: str = "oscbridge.x", **fields: object) -> logging.LogRecord:
    known = {"name": name, "msg": text, "levelno": logging.WARNING, "levelname": "WARNING"}
    return logging.makeLogRecord(known | fields)


def failure(text: str = "broken") -> tuple[type[BaseException], BaseException, object]:
    try:
        raise ValueError(text)
    except ValueError as error:
        return type(error), error, error.__traceback__


# --- JSON ----------------------------------------------------------------------------------------


@given(text=TEXT, name=TEXT, detail=TEXT)
def test_any_event_is_one_line_of_json(text: str, name: str, detail: str) -> None:
    line = JSONLines().format(record(text, name, detail=detail))
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert line.isprintable()
    fields = json.loads(line)
    assert all(isinstance(value, str) for value in fields.values())
    for value in fields.values():
        value.encode()  # a lone surrogate could not be encoded


def test_json_has_time_level_part_event_and_error() -> None:
    event = record("it %s", "oscbridge.endpoint.web", args=("broke",), exc_info=failure())
    event.created, event.msecs = 1_700_000_000.25, 250.0
    fields = json.loads(JSONLines().format(event))
    error = fields.pop("error")
    assert fields == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "part": "endpoint.web",
        "event": "it broke",
    }
    assert error.startswith("Traceback (most recent call last):\n")
    assert error.endswith("ValueError: broken")
    assert "error" not in json.loads(JSONLines().format(record("fine")))


def test_non_ascii_text_survives_json() -> None:
    fields = json.loads(JSONLines().format(record("Bühne 🎛 \x1b[31m\n")))
    assert fields["event"] == "Bühne 🎛 \x1b[31m"


# --- parts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "part", "text"),
    [
        (record("x", "oscbridge.endpoint.web"), "endpoint.web", "x"),
        (record("x", "asyncio"), "asyncio", "x"),
        (record("x", "oscbridge.plugins"), "oscbridge.plugins", "x"),
        (record("x", "oscbridge.dispatcher", part="bridge.stage"), "bridge.stage", "x"),
        (record("x", "oscbridge.sink.bridge.stage"), "bridge.stage", "x"),
        (record("bridge.stage: x", "oscbridge.bridge.app"), "bridge.stage", "x"),
        (record("route faders: x", "oscbridge.bridge.routes.route"), "route faders", "x"),
        (record("route 3 (/a/{n}): x", "oscbridge.bridge.routes.route"), "route 3 (/a/{n})", "x"),
        (record("bridge.stage: x", "somebody"), "somebody", "bridge.stage: x"),
    ],
)
def test_event_names_its_part(event: logging.LogRecord, part: str, text: str) -> None:
    fields = json.loads(JSONLines().format(event))
    assert (fields["part"], fields["event"]) == (part, text)
    line = TextLines().format(event).split(" ", 1)[1]
    shown = text if part.startswith("oscbridge.") else f"{part}: {text}"
    assert line == f"WARNING {shown}"


# --- text ----------------------------------------------------------------------------------------


@given(text=TEXT, name=TEXT, detail=TEXT)
def test_event_cannot_forge_a_line_or_control_the_terminal(
    text: str, name: str, detail: str
) -> None:
    line = TextLines().format(record(text, name, detail=detail))
    assert line.isprintable()


@given(text=TEXT)
def test_traceback_cannot_forge_a_line(text: str) -> None:
    lines = TextLines(tracebacks=True).format(record("x", exc_info=failure(text))).split("\n")
    assert all(line.isprintable() for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])


def test_unprintable_characters_are_escaped() -> None:
    assert visible("a\n\x1b[2J\x00\x9b\u2028\u202e\udc80ü") == (
        "a\\n\\x1b[2J\\x00\\x9b\\u2028\\u202e\\udc80ü"
    )


@pytest.mark.parametrize("lines", [TextLines(), JSONLines()])
def test_endless_text_is_truncated(lines: Lines) -> None:
    event = record("x" * 1_000_000, detail="y" * 1_000_000)
    line = lines.format(event)
    assert len(line) < MAX_TEXT * 2 + MAX_ERROR + 200
    assert "(cut, 1000000 characters)" in line


@pytest.mark.parametrize("lines", [TextLines(), JSONLines()])
def test_event_with_wrong_arguments_is_logged(lines: Lines) -> None:
    line = lines.format(record("%d of them", args=("many",)))
    assert "%d of them (arguments do not fit the format" in line


def _module(folder: Path) -> dict[str, object]:
    path = folder / "my_show.py"
    path.write_text("import json\n\ndef to_decibels(text):\n    return json.loads(text)\n")
    names: dict[str, object] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names


@pytest.fixture
def broken(tmp_path: Path) -> logging.LogRecord:
    """An error in a user's function that a library calls."""
    function = _module(tmp_path)["to_decibels"]
    assert callable(function)
    try:
        function("{")
    except ValueError as error:
        assert error.__traceback__ is not None
        info = (type(error), error, error.__traceback__.tb_next)  # starting at the function
        return record("my_show:to_decibels failed", exc_info=info, levelname="ERROR")
    raise AssertionError


def test_error_is_one_line_with_its_location(broken: logging.LogRecord, tmp_path: Path) -> None:
    line = TextLines().format(broken)
    assert "\n" not in line
    assert "failed: json.decoder.JSONDecodeError: Expecting property name" in line
    assert f"(at {tmp_path / 'my_show.py'}:4 in to_decibels, " in line
    assert line.endswith("in raw_decode)")


def test_exception_contained_in_the_text_is_not_repeated() -> None:
    line = TextLines().format(record("it raised ValueError('broken')", exc_info=failure()))
    assert line.count("broken") == 1
    assert f"(at {__file__}:" in line


def test_debug_level_logs_the_whole_traceback(broken: logging.LogRecord) -> None:
    first, *rest = TextLines(tracebacks=True).format(broken).split("\n")
    assert "my_show:to_decibels failed" in first
    assert rest[0] == "    Traceback (most recent call last):"
    assert "    " + "    return json.loads(text)" in rest
    assert rest[-1].startswith("    json.decoder.JSONDecodeError: ")


def test_critical_event_has_the_whole_traceback(broken: logging.LogRecord) -> None:
    broken.levelno = logging.CRITICAL
    assert "\n    Traceback (most recent call last):\n" in TextLines().format(broken)


def test_traceback_from_another_process_is_treated_alike(broken: logging.LogRecord) -> None:
    text = TextLines().format(broken)
    broken.detail = logging.Formatter().formatException(broken.exc_info)  # type: ignore[arg-type]
    broken.exc_info = None
    assert TextLines().format(broken) == text


class Unshowable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("lines", [TextLines(tracebacks=True), JSONLines()])
def test_exception_that_cannot_be_formatted_is_logged(lines: Lines) -> None:
    error = Unshowable()
    line = lines.format(record("x", exc_info=(type(error), error, None)))
    assert "Unshowable" in line


# --- colour --------------------------------------------------------------------------------------

PROGRAM = """
import logging
from oscbridge.logs.setup import configure_log
configure_log(form={form!r})
logging.getLogger("oscbridge.endpoint.web").warning("dark\\x1b[0m\\nagain")
"""


@pytest.fixture
def environment() -> dict[str, str]:
    home = str(Path(oscbridge.__file__).parents[1])
    drop = ("NO_COLOR", "TERM", "PYTHONWARNINGS")
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    return {**kept, "PYTHONPATH": home, "TERM": "xterm"}


def shown_in_terminal(environment: dict[str, str], form: str = "auto") -> str:
    """The output of a program to a terminal."""
    outer, inner = pty.openpty()
    try:
        code = PROGRAM.format(form=form)
        subprocess.run(
            [sys.executable, "-c", code], env=environment, stderr=inner, check=True, timeout=30
        )
    finally:
        os.close(inner)
    try:
        return os.read(outer, 65_536).decode().replace("\r\n", "\n")
    finally:
        os.close(outer)


def test_terminal_log_colours_the_level_and_has_no_other_control_characters(
    environment: dict[str, str],
) -> None:
    shown = shown_in_terminal(environment)
    assert "\x1b[33mWARNING\x1b[0m \x1b[36mendpoint.web\x1b[0m: dark\\x1b[0m\\nagain\n" in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize("change", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_disables_colours(change: dict[str, str], environment: dict[str, str]) -> None:
    shown = shown_in_terminal(environment | change)
    assert "\x1b" not in shown
    assert " WARNING endpoint.web: dark\\x1b[0m\\nagain\n" in shown


def test_empty_no_color_is_ignored(environment: dict[str, str]) -> None:
    assert "\x1b[33m" in shown_in_terminal(environment | {"NO_COLOR": ""})


def test_plain_text_and_json_are_not_coloured_in_a_terminal(environment: dict[str, str]) -> None:
    assert "\x1b" not in shown_in_terminal(environment, "text")
    assert json.loads(shown_in_terminal(environment, "json"))["part"] == "endpoint.web"


def test_file_log_has_the_date_and_no_colour(environment: dict[str, str], tmp_path: Path) -> None:
    code = PROGRAM.format(form="auto")
    with (tmp_path / "log").open("wb") as file:
        file.write(b"before\n")
        file.flush()
        subprocess.run(
            [sys.executable, "-c", code], env=environment, stderr=file, check=True, timeout=30
        )
    first, line = (tmp_path / "log").read_text().splitlines()
    assert first == "before"
    time.strptime(line[:19], "%Y-%m-%d %H:%M:%S")
    assert line[19:] == " WARNING endpoint.web: dark\\x1b[0m\\nagain"


# --- slow, stalled and closed readers ------------------------------------------------------------


class Reader:
    """The reading end of the log, and the handler that writes to it."""

    def __init__(self, kind: str) -> None:
        if kind == "pipe":
            self.descriptor, self.far = os.pipe()
        elif kind == "terminal":
            self.descriptor, self.far = pty.openpty()
        else:
            self._ends = socket.socketpair()
            self.descriptor, self.far = (end.detach() for end in self._ends)
        self.handler = StandardError(self.far)
        self.handler.setFormatter(logging.Formatter("%(message)s"))
        os.set_blocking(self.descriptor, False)

    def log(self, text: str) -> float:
        """Log a line. Returns the duration in seconds."""
        begin = time.perf_counter()
        self.handler.handle(record(text))
        return time.perf_counter() - begin

    def read(self) -> str:
        """Lines written so far."""
        found = b""
        while select.select([self.descriptor], [], [], 0.05)[0]:
            data = os.read(self.descriptor, 65_536)
            if not data:
                break
            found += data
        return found.decode().replace("\r\n", "\n")

    def read_all(self) -> list[str]:
        """All lines, with a reader that keeps reading and a log that is flushed at intervals."""
        found = ""
        while more := self.read():
            found += more
            self.handler.flush()
        return found.splitlines()

    def close(self) -> None:
        self.handler.close()
        for descriptor in (self.descriptor, self.far):
            try:
                os.close(descriptor)
            except OSError:
                pass


@pytest.fixture
def reader() -> Iterator[Callable[[str], Reader]]:
    made: list[Reader] = []

    def make(kind: str) -> Reader:
        made.append(Reader(kind))
        return made[-1]

    yield make
    for each in made:
        each.read()  # otherwise the exit would wait for it
        each.close()


KINDS = ("pipe", "terminal", "socket")


@pytest.mark.parametrize("kind", KINDS)
def test_stalled_reader_does_not_stop_the_program(
    kind: str, reader: Callable[[str], Reader]
) -> None:
    there = reader(kind)
    lines = 5_000
    slowest = max(there.log(f"{n:06} {'x' * 200}") for n in range(lines))
    assert slowest < 1
    dropped = there.handler.dropped
    assert dropped > 0
    shown = there.read_all()
    (told,) = [n for n, line in enumerate(shown) if "lines of the log dropped here" in line]
    assert shown[told].startswith(
        f"{dropped} lines of the log dropped here: the reader was too slow"
    )
    numbers = [int(line[:6]) for line in shown[:told] + shown[told + 1 :]]
    assert all(line.endswith("x" * 200) for line in shown[:told] + shown[told + 1 :])
    # The oldest lines were in the pipe and the newest are kept: the dropped ones are the gap.
    assert numbers == [*range(told), *range(told + dropped, lines)]
    assert lines - told - dropped == MAX_WAITING


@pytest.mark.parametrize("kind", KINDS)
def test_line_is_written_as_soon_as_it_is_logged(
    kind: str, reader: Callable[[str], Reader]
) -> None:
    there = reader(kind)
    there.log("one")
    there.log("two")
    assert there.read() == "one\ntwo\n"


@pytest.mark.parametrize("kind", KINDS)
def test_long_line_is_written_completely(kind: str, reader: Callable[[str], Reader]) -> None:
    there = reader(kind)
    there.log("x" * 300_000)
    there.log("end")
    assert there.read_all() == ["x" * 300_000, "end"]


@pytest.mark.parametrize("kind", KINDS)
def test_shared_descriptor_stays_blocking(kind: str, reader: Callable[[str], Reader]) -> None:
    assert os.get_blocking(reader(kind).far)


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_closed_reader_costs_only_lines(kind: str, reader: Callable[[str], Reader]) -> None:
    there = reader(kind)
    spare = os.open(os.devnull, os.O_RDONLY)
    os.dup2(spare, there.descriptor)
    os.close(spare)
    for n in range(10):
        there.log(f"{n}")
    assert there.handler.dropped == 10


def test_exit_does_not_wait_long_for_a_stalled_reader(
    reader: Callable[[str], Reader],
) -> None:
    there = reader("pipe")
    for _ in range(500):
        there.log("x" * 1_000)
    begin = time.monotonic()
    there.handler.close()
    assert 0.4 < time.monotonic() - begin < 2
    there.log("nobody takes this")
    assert "nobody" not in there.read()


def test_close_releases_every_descriptor() -> None:
    def count() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    near, far = os.pipe()
    before = count()
    handler = StandardError(far)
    assert count() == before + 1
    handler.close()
    handler.close()
    assert count() == before
    os.close(near)
    os.close(far)


def test_event_that_cannot_be_formatted_is_counted(reader: Callable[[str], Reader]) -> None:
    there = reader("pipe")
    there.handler.setFormatter(logging.Formatter("%(nothing)s"))
    there.log("x")
    assert there.handler.dropped == 1


FORK = """
import logging, os
from oscbridge.logs.stderr import StandardError
near, far = os.pipe()
handler = StandardError(far)
def say(text):
    handler.handle(logging.makeLogRecord({"msg": text}))
for n in range(300):
    say("parent " + "x" * 1_000)
pid = os.fork()
if pid == 0:
    os.read(near, 65_536)
    say("child")
    os._exit(0)
os.waitpid(pid, 0)
print(os.read(near, 65_536).decode())
handler.flush()
print(os.read(near, 65_536).decode())
"""


def test_forked_child_does_not_write_the_waiting_lines_of_its_parent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stderr == ""
    child, parent = done.stdout.split("\n\n", 1)
    assert child == "child"
    assert parent.count("parent") > 10


# --- a program -----------------------------------------------------------------------------------


def run(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    lines = f"import logging\nfrom oscbridge.logs.setup import configure_log\n{code}"
    return subprocess.run(
        [sys.executable, "-c", lines],
        text=True,
        check=False,
        timeout=30,
        **{"capture_output": True} | options,  # type: ignore[call-overload]
    )


def test_last_lines_and_a_crash_are_in_the_log() -> None:
    done = run("configure_log(form='json')\nlogging.info('last')\nraise ValueError('oh\\nno')")
    assert done.returncode == 1
    last, crash = map(json.loads, done.stderr.splitlines())
    assert last["event"] == "last"
    assert crash["level"] == "critical"
    assert crash["event"] == "exiting on uncaught ValueError('oh\\nno')"
    assert crash["error"].endswith("ValueError: oh\nno")


def test_crash_of_a_thread_and_a_warning_are_in_the_log() -> None:
    done = run(
        "import threading, warnings\n"
        "configure_log(form='json')\n"
        "thread = threading.Thread(target=lambda: 1 / 0, name='stage')\n"
        "thread.start()\nthread.join()\n"
        "warnings.warn('old\\nthing', UserWarning)\n"
        "class Bad:\n    def __del__(self): 1 / 0\n"
        "Bad()\n"
    )
    thread, warning, finalizer = map(json.loads, done.stderr.splitlines())
    assert thread["event"].startswith("thread stage ended by uncaught ZeroDivisionError")
    assert "UserWarning: old\nthing" in warning["event"]
    assert finalizer["event"].endswith("ZeroDivisionError('division by zero')")


def test_program_without_standard_error_keeps_running() -> None:
    code = "configure_log()\nlogging.error('x')\nprint('well')"
    lines = f"import logging\nfrom oscbridge.logs.setup import configure_log\n{code}"
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, lines],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == "well\n"


def test_program_whose_standard_error_is_not_a_file_keeps_running() -> None:
    done = run(
        "import io, sys\nsys.stderr = io.StringIO()\n"
        "configure_log()\nlogging.error('%d', 'x')\nprint(sys.stderr.getvalue())"
    )
    assert "ERROR   root: %d" in done.stdout


def test_repeated_events_of_a_library_are_summarised() -> None:
    done = run(
        "from oscbridge.logs.setup import flush_log\n"
        "from oscbridge.logs import rate_limited\n"
        "now = [0.0]\n"
        "rate_limited.RateLimitedLog.__init__.__defaults__ = (10.0, 256, lambda: now[0])\n"
        "configure_log(logging.DEBUG, 'json')\n"
        "library = logging.getLogger('library')\n"
        "for n in range(100): library.warning('no %s', n)\n"
        "library.error('worse')\n"
        "library.info('not this')\n"
        "library.info('not this')\n"
        "logging.getLogger('oscbridge.x').warning('ours')\n"
        "logging.getLogger('oscbridge.x').warning('ours')\n"
        "now[0] = 11.0\n"
        "flush_log()\n"
    )
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    summary = "no 99 (99 more in 11 s)"
    assert events == ["no 0", "worse", "not this", "not this", "ours", "ours", summary]


def test_error_of_a_library_keeps_its_traceback() -> None:
    done = run(
        "configure_log(form='json')\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: logging.getLogger('library').exception('odd %d', 'x')"
    )
    (line,) = map(json.loads, done.stderr.splitlines())
    assert (line["part"], line["level"]) == ("library", "error")
    assert "arguments do not fit the format" in line["event"]
    assert line["error"].endswith("ZeroDivisionError: division by zero")


def test_second_call_replaces_the_first() -> None:
    done = run(
        "from oscbridge.logs.setup import log_form\n"
        "configure_log(logging.DEBUG, 'text')\nconfigure_log(form='json')\n"
        "logging.debug('not this')\nlogging.info(log_form())"
    )
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["event"] == "json"


def test_log_starts_no_thread_and_imports_little() -> None:
    done = run(
        "import sys, threading\nconfigure_log()\nlogging.info('x')\n"
        "print(threading.active_count(), *({'asyncio', 'click', 'rich', 'pydantic', 'pathlib'}"
        " & set(sys.modules)))"
    )
    assert done.stdout == "1\n"


def test_program_with_a_stalled_reader_can_exit() -> None:
    near, far = os.pipe()
    try:
        os.set_blocking(far, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(far, b"x" * 4_096)
        os.set_blocking(far, True)
        begin = time.monotonic()
        done = run(
            "configure_log()\nlogging.info('x')\nprint('well')",
            capture_output=False,
            stdout=subprocess.PIPE,
            stderr=far,
        )
        assert (done.returncode, done.stdout) == (0, "well\n")
        assert time.monotonic() - begin < 20
    finally:
        os.close(near)
        os.close(far)


def test_page_states_the_limits() -> None:
    section = (Path(__file__).parents[2] / "docs/how-to/read-the-log.md").read_text()
    assert f"after {FIRST_PERIOD:g} s, then once a minute" in section
    assert PERIOD == 60
    assert f"{MAX_WAITING:,} lines wait" in section
    assert f"cut to {MAX_TEXT:,} characters, a traceback to {MAX_ERROR:,}" in section
