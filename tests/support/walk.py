"""Follows a page word by word: ``walk.py PAGE FOLDER``, in a network of its own.

Files of the page are written to the folder, its commands run there, and what they print is
compared with the blocks of text after them. The network is new and has one address, that of the
pages, 192.168.1.20: so all ports of the pages are free, and nothing leaves the machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from walk_steps import Steps
from walk_terminals import Terminal, missing_line, run_command
from walked_pages import Block, Note, commands_of, file_name, read_page

ADDRESSES: Final = ("192.168.1.20", "192.168.1.10")
"""This computer, and Home Assistant, on all pages."""


def set_up_machine() -> None:
    """Loopback, a cable whose other end is not connected to anything, and shared memory."""
    for command in (
        "ip link set lo up",
        "ip link add lan type veth peer name far",
        *(f"ip addr add {address}/24 dev lan" for address in ADDRESSES),
        "ip link set lan up",
        "ip link set far up",
        "ip route add default via 192.168.1.1",
        # All JACK servers of a user share a database there.
        "mount -t tmpfs tmpfs /dev/shm",
    ):
        subprocess.run(command.split(), check=True)


class Walk:
    """A page as it is followed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.terminals: dict[str, Terminal] = {}
        self._stack = stack
        self._steps = Steps(folder, stack, self.terminals)
        self._notes: list[Note] = []
        self._printed: str | Terminal = ""

    def follow(self, text: str) -> None:
        for part in read_page(text):
            match part:
                case Note("stop", name):
                    self.terminals.pop(name).stop()
                case Note("run", command):
                    self._printed = run_command(command, self.folder)
                case Note("fails", command):
                    self._printed = run_command(command, self.folder, must_fail=True)
                case Note("prints", words):
                    name, _, line = words.partition(" ")
                    self.terminals[name].expect(line)
                case Note("never", words):
                    name, _, unwanted = words.partition(" ")
                    assert unwanted not in self.terminals[name].output
                case Note("do", words):
                    self._steps.do(*words.split())
                case Note():
                    self._notes.append(part)
                case Block():
                    notes = {note.kind: note.words for note in self._notes}
                    self._notes.clear()
                    if "not" not in notes:
                        self._block(part, notes)

    def _block(self, block: Block, notes: dict[str, str]) -> None:
        if name := file_name(block):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            old, _, new = notes.get("replace", "").partition(" with ")
            assert old in block.text, f"{name}: no {old!r}"
            new = new.replace("\\n", "\n")
            path.write_text(block.text.replace(old, new) if old else block.text)
        elif block.language == "python" and block.text.startswith("# in "):
            first, _, text = block.text.partition("\n")
            replace_function(self.folder / first.removeprefix("# in "), text)
        elif block.language == "sh":
            self._run(block, notes)
        elif block.language == "text":
            self._compare(block.text, notes.get("output", "").removeprefix("of "))
        else:
            raise AssertionError(f"neither a file nor a command:\n{block.text}")

    def _run(self, block: Block, notes: dict[str, str]) -> None:
        commands = [notes["instead"]] if "instead" in notes else commands_of(block)
        terminal = notes.get("terminal", "")
        last = commands.pop() if terminal else ""
        for command in commands:
            if command.startswith("cd "):
                self.folder = (self.folder / command.removeprefix("cd ")).resolve()
            else:
                self._printed = run_command(command, self.folder)
        if terminal:
            assert terminal not in self.terminals, f"{terminal} is still running"
            started = Terminal(last, self.folder)
            self._stack.callback(started.kill)
            self.terminals[terminal] = self._printed = started
            if last.startswith("oscbridge run"):
                started.expect("Ctrl-C stops it.")
                started.rewind()

    def _compare(self, text: str, name: str) -> None:
        printed = self.terminals[name] if name else self._printed
        if isinstance(printed, Terminal):
            printed.expect(text)
            return
        expected = [line for line in text.splitlines() if line.strip()]
        missing, _ = missing_line(expected, printed.splitlines())
        assert not missing, f"no line {missing!r} in:\n{printed}"


def replace_function(path: Path, text: str) -> None:
    """Replace a function or method of a file by the one with the same name."""
    head = text.partition("(")[0]
    indent = " " * (len(head) - len(head.lstrip()))
    pattern = rf"^{re.escape(head)}\(.*?(?=^{indent}\S|\Z)"
    changed, count = re.subn(
        pattern, lambda _: text, path.read_text(), flags=re.MULTILINE | re.DOTALL
    )
    assert count == 1, f"{path}: {count} times {head.strip()}"
    path.write_text(changed)


def main() -> None:
    page, folder = map(Path, sys.argv[1:])
    set_up_machine()
    with ExitStack() as stack:
        walk = Walk(folder, stack)
        try:
            walk.follow(page.read_text())
        except BaseException:
            for name, terminal in walk.terminals.items():
                print(f"--- terminal {name}: {terminal.command}\n{terminal.output}")
            raise


if __name__ == "__main__":
    main()
