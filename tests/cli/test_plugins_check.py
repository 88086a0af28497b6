"""``oscbridge plugins check``: the real program with installed plugins."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from oscbridge.testing.process import PROGRAM

Check = Callable[..., subprocess.CompletedProcess[str]]

HOOK = """
@oscbridge.hookimpl
def oscbridge_endpoints():
    return {"lamp": Lamp}
"""
LAMP = """
class Lamp(oscbridge.Endpoint):
    async def send(self, message):
        print(message.address)
"""

BROKEN = [
    pytest.param("import no_such_module\n", "ModuleNotFoundError: No module", 2, id="import"),
    pytest.param("\ndef f(\n", "SyntaxError: ", 3, id="syntax"),
    pytest.param(
        LAMP + HOOK.replace("@oscbridge.hookimpl\n", ""),
        "oscbridge_endpoints lacks @oscbridge.hookimpl",
        7,
        id="forgotten-hookimpl",
    ),
    pytest.param(
        LAMP + HOOK.replace('{"lamp": Lamp}', '["lamp"]'),
        "returns ['lamp'], not a dictionary of endpoint classes",
        7,
        id="wrong-result-of-a-hook",
    ),
    pytest.param(
        LAMP.replace("async def", "def") + HOOK, "Lamp.send must be 'async def'", 4, id="not-async"
    ),
    pytest.param(
        LAMP + "    async def describe(self): return 'there'\n" + HOOK,
        "Lamp.describe must be 'def'",
        6,
        id="describe-async",
    ),
    pytest.param(
        LAMP + "    async def close(self, when): pass\n" + HOOK,
        "Lamp.close must take the arguments (self): missing a required argument: 'when'",
        6,
        id="other-arguments",
    ),
    pytest.param(
        LAMP + "    def __init__(self): pass\n" + HOOK,
        "Lamp.__init__ must take the arguments (self, name, options): too many positional",
        6,
        id="made-without-arguments",
    ),
    pytest.param(
        LAMP + "    describe = 'there'\n" + HOOK,
        "Lamp.describe must be a method, got 'there'",
        3,
        id="not-a-method",
    ),
    pytest.param(
        LAMP + "    policy = 'newest'\n" + HOOK,
        "Lamp.policy = 'newest'; available: drop_oldest, latest, block, spool",
        3,
        id="unknown-policy",
    ),
    pytest.param(
        LAMP + "    on_start = True\n" + HOOK,
        "Lamp.on_start = True; available: retry, error, ignore",
        3,
        id="unknown-on-start",
    ),
    pytest.param(
        'class Options(oscbridge.Options):\n    queue: str = ""\n    """One."""\n'
        + LAMP.replace("Endpoint)", "Endpoint[Options])")
        + HOOK,
        "the bridge has the key 'queue' itself; rename the option",
        2,
        id="key-of-the-bridge",
    ),
    pytest.param(
        LAMP + "    def __init__(self, name, options): pass\n" + HOOK,
        "Lamp.__init__ must call super().__init__(name, options)",
        6,
        id="no-super",
    ),
    pytest.param(
        LAMP + "    def describe(self): return 1 / 0\n" + HOOK,
        "describe raises ZeroDivisionError: division by zero",
        6,
        id="describe-raises",
    ),
    pytest.param(
        LAMP + "    def describe(self): pass\n" + HOOK,
        "Lamp.describe returns None, not text",
        6,
        id="describe-returns-none",
    ),
]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Installs a plugin ``lamp`` with this code, and checks it."""
    info = tmp_path / "oscbridge_lamp-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: oscbridge-lamp\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[oscbridge]\nlamp = oscbridge_lamp\n")

    def check(code: str, *args: str, name: str = "lamp") -> subprocess.CompletedProcess[str]:
        (tmp_path / "oscbridge_lamp.py").write_text("import oscbridge\n" + dedent(code))
        support = str(Path(__file__).parents[1] / "support")
        return subprocess.run(
            [PROGRAM, "plugins", "check", name, *args],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), support])},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return check


@pytest.mark.parametrize("name", ["lamp", "oscbridge-lamp"])
def test_good_plugin_passes_without_a_peer(check: Check, name: str) -> None:
    result = check(LAMP + HOOK, name=name)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "lamp 1.2: " in result.stdout
    assert re.search(r"^lamp::construction PASSED +\[ +\d+%\]$", result.stdout, re.MULTILINE)
    assert re.search(r"^lamp::peer-loss NOT RUN ", result.stdout, re.MULTILINE)
    assert "lamp::peer-loss - needs a peer: set Lamp.example_peer" in result.stdout
    assert re.search(r"= \d+ passed, 3 not run in \d+\.\d\ds =", result.stdout)
    assert "/example" not in result.stdout


def test_good_plugin_with_a_peer_passes_all_rules_in_ten_seconds(check: Check) -> None:
    code = "from line_plugin.good import Line\n" + HOOK.replace("Lamp}", "Line}")
    result = check(code)
    assert result.returncode == 0, result.stdout + result.stderr
    found = re.search(r"= (\d+) passed in (\d+\.\d\d)s =", result.stdout)
    assert found
    assert float(found[2]) < 10


@pytest.mark.parametrize(("code", "text", "line"), BROKEN)
def test_broken_plugin_gets_a_useful_line(
    check: Check, code: str, text: str, line: int, tmp_path: Path
) -> None:
    result = check(code)
    assert result.returncode == 1, result.stdout + result.stderr
    useful = [each for each in result.stdout.splitlines() if text in each]
    assert useful, result.stdout + result.stderr
    assert f"({tmp_path / 'oscbridge_lamp.py'}:{line})" in useful[0]
    assert "FAILED" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_failed_rule_is_explained(check: Check) -> None:
    code = "from line_plugin.bad import LeavesTask\n" + HOOK.replace("Lamp}", "LeavesTask}")
    result = check(code, "-k", "leftovers")
    assert result.returncode == 1
    rule = "Rule: no task, timer, descriptor, thread or process is left after close."
    assert rule in result.stdout
    assert re.search(r"^E  after close, this is left: task .*bad\.py:\d+\)", result.stdout, re.M)
    assert "= 1 failed, 0 passed in " in result.stdout


STUBBORN = """
import asyncio, contextlib, threading, time

class Lamp(oscbridge.Endpoint):
    async def connect(self):
        threading.Thread(target=time.sleep, args=(600,)).start()
        self.start_task(self._run())

    async def _run(self):
        while True:
            with contextlib.suppress(BaseException):
                await asyncio.sleep(0.01)
"""


def test_check_ends_although_threads_and_tasks_do_not(check: Check) -> None:
    result = check(STUBBORN + HOOK, "-k", "leftovers")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "after close, this is left: t" in result.stdout
    assert "= 1 failed, 0 passed in " in result.stdout


HOPELESS = """
import contextlib, sys, time

sys.modules["oscbridge.cli.plugins.check"].RULE_LIMIT = 1.0

class Lamp(oscbridge.Endpoint):
    async def connect(self):
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(1)
"""


def test_check_ends_although_the_plugin_blocks_it_for_ever(check: Check, tmp_path: Path) -> None:
    result = check(HOPELESS + HOOK, "-k", "life-cycle")
    assert result.returncode == 1, result.stdout + result.stderr
    assert re.search(r"^lamp::life-cycle FAILED$", result.stdout, re.MULTILINE)
    place = re.escape(str(tmp_path / "oscbridge_lamp.py"))
    assert re.search(rf"^E  it does not return \(at {place}:1[123]\), and", result.stdout, re.M)


def test_mistake_that_breaks_several_rules_is_explained_once(check: Check) -> None:
    result = check(LAMP + "    async def close(self): 1 / 0\n" + HOOK)
    assert result.returncode == 1
    assert len(re.findall("close raises ZeroDivisionError", result.stdout)) == 1
    assert "Also in lamp::" in result.stdout


def test_type_that_is_imported_late_and_broken_is_reported(check: Check) -> None:
    code = HOOK.replace("Lamp}", '"no_such_module:Lamp"}')
    result = check(code)
    assert result.returncode == 1
    assert "the type 'lamp' cannot be imported: ModuleNotFoundError" in result.stdout


def test_unknown_name_is_a_wrong_usage(check: Check) -> None:
    result = check(LAMP + HOOK, name="lamb")
    assert result.returncode == 2
    assert "no plugin or type 'lamb'; did you mean 'lamp'?" in result.stderr


def test_no_rule_to_apply_is_not_a_success(check: Check) -> None:
    assert check(LAMP + HOOK, "-k", "nonsense").returncode == 5


def test_plugin_without_types_has_nothing_to_check(check: Check) -> None:
    code = "@oscbridge.hookimpl\ndef oscbridge_register_routes(routes, source): pass\n"
    result = check(code)
    assert result.returncode == 0
    assert "no endpoint types" in result.stdout


def test_progress_is_shown_before_a_rule_ends(check: Check, tmp_path: Path) -> None:
    check(LAMP + HOOK, "-k", "nonsense")  # installs it
    (tmp_path / "oscbridge_lamp.py").write_text(
        "import asyncio, oscbridge\n"
        + LAMP
        + "    async def connect(self): await asyncio.sleep(5)\n"
        + HOOK
    )
    command = [PROGRAM, "plugins", "check", "lamp", "-k", "leftovers"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        output = b""
        while b"lamp::leftovers " not in output:
            more = os.read(process.stdout.fileno(), 1000)
            assert more, output
            output += more
        assert process.poll() is None
        process.kill()
