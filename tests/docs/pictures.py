"""Pictures of the program in a terminal, for the manual: ``make docs-pictures``.

Each is what the real program prints, of a show that runs, as ``docs/terminal/NAME.svg``.
"""

from __future__ import annotations

import os
import pty
import re
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT: Final = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from ports import free_port  # noqa: E402
from show import ShowTraffic, theatre  # noqa: E402

from oscbridge.testing import OscbridgeProcess  # noqa: E402

FOLDER: Final = ROOT / "docs" / "terminal"
WIDTH: Final = 100
MAX_LINES: Final = 34
PROGRAM: Final = str(Path(sys.executable).with_name("oscbridge"))

FORMAT: Final = re.sub(r"@font-face \{\{.*?\n    \}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Without fonts from elsewhere, which an image in a page may not load."""

MISTAKES: Final = """\
[bridge.stage]
listen = "udp://0.0.0.0:9000"

[endpoint.web]
type  = "websocket"
polcy = "latest"

[[route]]
from  = "stage"
match = "/1/fader{n}"
when  = "x > 0.5 and n <= 8"
send  = "/ch/{m}/level {0}"
to    = "wbe"
"""

ROUTES: Final = """\
[bridge.stage]
listen = "udp://127.0.0.1:9000"

[endpoint.synth]
type = "osc"
to   = "udp://127.0.0.1:9001"

[[route]]
name  = "faders"
from  = "stage"
match = "/1/fader{n}"
when  = "n <= 8"
scale = [0.0, 1.0, 0, 127]
send  = "/control 1 {n} {0}"
to    = "synth"

[[test]]
name   = "fader 3 becomes controller 3"
from   = "stage"
send   = "/1/fader3 0.5"
expect = "synth /control 1 3 64"

[[test]]
name  = "there are eight faders"
from  = "stage"
send  = "/1/fader9 0.5"
never = "synth"
"""


def in_terminal(folder: Path, *args: str) -> str:
    """What the program prints into a terminal of :data:`WIDTH` columns, with its colours."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ |= {
            "COLUMNS": str(WIDTH),
            "LINES": "40",
            "TERM": "xterm-256color",
            "OSCBRIDGE_RUNTIME_DIR": str(folder),
            "XDG_STATE_HOME": str(folder),
        }
        os.environ.pop("NO_COLOR", None)
        os.execv(PROGRAM, [PROGRAM, *args])
    printed = b""
    while True:
        try:
            data = os.read(terminal, 65_536)
        except OSError:  # the program has ended
            break
        if not data:
            break
        printed += data
    os.waitpid(child, 0)
    os.close(terminal)
    return printed.decode().replace("\r\n", "\n").replace(str(folder), "~")


def draw(name: str, folder: Path, *args: str) -> None:
    """Run a command and draw it with what it prints."""
    text = in_terminal(folder, *args)
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    shown = " ".join(f"'{arg}'" if " " in arg else arg for arg in args)
    lines = [f"\x1b[1m$ oscbridge {shown}\x1b[0m", *text.rstrip().splitlines()[:MAX_LINES]]
    console.print(Text.from_ansi("\n".join(lines)))
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{name}.svg"
    file.write_text(
        console.export_svg(
            title="oscbridge", theme=MONOKAI, code_format=FORMAT, unique_id=f"terminal-{name}"
        ).replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    )
    print(file)


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "show.toml").write_text(MISTAKES)
        draw("check", folder, "check", "show.toml")
        (folder / "studio.toml").write_text(ROUTES)
        draw("trace", folder, "check", "studio.toml", "--trace", "/1/fader3 0.5")
        draw("test", folder, "test", "studio.toml", "-v")
        desk = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        desk.bind(("127.0.0.1", 0))
        file = folder / "theatre.toml"
        file.write_text(theatre(desk.getsockname()[1], free_port()))
        env = {**os.environ, "OSCBRIDGE_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder)}
        process = OscbridgeProcess("run", str(file), env=env)
        stack.callback(process.close)
        process.wait_for("Ctrl-C stops it")
        stack.enter_context(ShowTraffic(process))
        time.sleep(10)  # the rates of a show that runs
        draw("top", folder, "top", "--once")
        draw("tap", folder, "tap", "--match", "/1/*", "--count", "12")


if __name__ == "__main__":
    main()
