"""Start at login: a desktop entry on Linux, a launch agent on macOS, the Run key on Windows."""

from __future__ import annotations

import os
import plistlib
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

__all__ = ["DesktopEntry", "LaunchAgent", "LoginError", "LoginStart", "RunKey", "login_start"]

NAME: Final = "oscbridge"


class LoginError(Exception):
    """It cannot be switched on or off. The text says where and why."""


class LoginStart(ABC):
    """Whether a program starts when its user logs in."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where that is noted."""

    @abstractmethod
    def is_on(self) -> bool:
        """Whether it starts."""

    @abstractmethod
    def switch_on(self, program: str) -> None:
        """Start ``program run`` at login. Raises :class:`LoginError`."""

    @abstractmethod
    def switch_off(self) -> None:
        """Start it no longer. Raises :class:`LoginError`."""


class _FileStart(LoginStart):
    """A file in a folder that the desktop reads at login."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        return str(self._path)

    def is_on(self) -> bool:
        return self._path.is_file()

    def switch_on(self, program: str) -> None:
        content = self.content(program)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_bytes(content)
        except OSError as error:
            raise LoginError(f"{self._path}: cannot be written: {error.strerror}") from None

    def switch_off(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise LoginError(f"{self._path}: cannot be removed: {error.strerror}") from None

    @abstractmethod
    def content(self, program: str) -> bytes:
        """The file that starts ``program run``."""


class DesktopEntry(_FileStart):
    """Linux: https://specifications.freedesktop.org/autostart-spec/latest/"""

    def __init__(self, config_home: Path) -> None:
        super().__init__(config_home / "autostart" / f"{NAME}.desktop")

    def content(self, program: str) -> bytes:
        lines = (
            "[Desktop Entry]",
            "Type=Application",
            "Version=1.5",
            f"Name={NAME}",
            "Comment=Bridge from OSC to other protocols",
            f"Exec={_quoted(program)} run",
            "Terminal=false",
            "",
        )
        return "\n".join(lines).encode()


class LaunchAgent(_FileStart):
    """macOS: ``man launchd.plist``"""

    LABEL: Final = f"org.{NAME}.{NAME}"

    def __init__(self, library: Path) -> None:
        super().__init__(library / "LaunchAgents" / f"{self.LABEL}.plist")
        self._log = library / "Logs" / f"{NAME}.log"

    def content(self, program: str) -> bytes:
        job = {
            "Label": self.LABEL,
            "ProgramArguments": [program, "run"],
            "RunAtLoad": True,
            "StandardOutPath": str(self._log),
            "StandardErrorPath": str(self._log),
        }
        return plistlib.dumps(job)


class RunKey(LoginStart):
    """Windows: a value of the user's Run key."""

    KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"

    def __init__(self, name: str = NAME) -> None:
        self._name = name

    @property
    def place(self) -> str:
        return rf"HKEY_CURRENT_USER\{self.KEY}\{self._name}"

    @staticmethod
    def command(program: str) -> str:
        """The value: it starts in a window that is minimised."""
        return f'cmd.exe /c start "{NAME}" /min "{program}" run'

    if sys.platform == "win32":

        def is_on(self) -> bool:
            import winreg

            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, self.KEY) as key:
                    winreg.QueryValueEx(key, self._name)
            except FileNotFoundError:
                return False
            return True

        def switch_on(self, program: str) -> None:
            import winreg

            try:
                with winreg.CreateKey(winreg.HKEY_CURRENT_USER, self.KEY) as key:
                    winreg.SetValueEx(key, self._name, 0, winreg.REG_SZ, self.command(program))
            except OSError as error:
                raise LoginError(f"{self.place}: cannot be written: {error.strerror}") from None

        def switch_off(self) -> None:
            import winreg

            rights = winreg.KEY_SET_VALUE
            try:
                with winreg.OpenKey(winreg.HKEY_CURRENT_USER, self.KEY, 0, rights) as key:
                    winreg.DeleteValue(key, self._name)
            except FileNotFoundError:
                pass
            except OSError as error:
                raise LoginError(f"{self.place}: cannot be removed: {error.strerror}") from None

    else:

        def is_on(self) -> bool:
            return False

        def switch_on(self, program: str) -> None:
            raise LoginError(f"{self.place}: this is not Windows")

        def switch_off(self) -> None:
            raise LoginError(f"{self.place}: this is not Windows")


def login_start() -> LoginStart:
    """That of this system. Raises ``RuntimeError`` without a home directory."""
    if sys.platform == "win32":
        return RunKey()
    if sys.platform == "darwin":
        return LaunchAgent(Path.home() / "Library")
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return DesktopEntry(base if base.is_absolute() else Path.home() / ".config")


def _quoted(argument: str) -> str:
    """An argument of ``Exec``: quoted, then escaped as a string of a desktop entry.

    https://specifications.freedesktop.org/desktop-entry-spec/latest/exec-variables.html
    """
    for character in ("\\", '"', "`", "$"):
        argument = argument.replace(character, f"\\{character}")
    return '"' + argument.replace("\\", "\\\\").replace("%", "%%") + '"'
