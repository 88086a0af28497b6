"""The lines of a plugin that are to blame."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

__all__ = [
    "calling_place",
    "direct_place",
    "frame_place",
    "is_of_suite",
    "module_prefix",
    "running_place",
    "waiting_place",
]

_ASYNCIO: Final = str(Path(asyncio.__file__).parent)
_OURS: Final = str(Path(__file__).parents[1])


def module_prefix(module: str) -> str:
    """The package that a module of a plugin belongs to."""
    parts = module.split(".")
    return ".".join(parts[:3] if parts[0] == "oscbridge" else parts[:1])


def frame_place(frame: FrameType | None, prefix: str) -> str:
    """``FILE:LINE`` of the innermost frame of a plugin's package; empty if there is none."""
    while frame is not None:
        if _is_of(frame, prefix):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def calling_place(prefix: str) -> str:
    """``FILE:LINE`` of the innermost caller of a plugin's package; empty if there is none."""
    return frame_place(sys._getframe(1), prefix)


def direct_place(prefix: str) -> str:
    """The same, unless a library is between: then it is empty. The event loop is not one."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_ASYNCIO):
        frame = frame.f_back
    is_own = frame is not None and _is_of(frame, prefix)
    return frame_place(frame, prefix) if is_own else ""


def running_place(thread: int, prefix: str) -> str:
    """``FILE:LINE`` of a plugin's package that a thread runs; empty if it is not in one."""
    return frame_place(sys._current_frames().get(thread), prefix)


def waiting_place(coroutine: object, prefix: str) -> str:
    """``FILE:LINE`` where a coroutine waits: in the plugin's package, or else in a library."""
    own = other = ""
    while isinstance(coroutine, Coroutine):
        frame: FrameType | None = getattr(coroutine, "cr_frame", None)
        if frame is not None:
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            if _is_of(frame, prefix):
                own = place
            elif not frame.f_code.co_filename.startswith(_OURS):
                other = place
        coroutine = getattr(coroutine, "cr_await", None)
    return own or other


def is_of_suite(coroutine: object) -> bool:
    """Whether the code of a coroutine is that of ``oscbridge.testing``."""
    code: CodeType | None = getattr(coroutine, "cr_code", None)
    return code is not None and code.co_filename.startswith(_OURS)


def _is_of(frame: FrameType, prefix: str) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    is_own = module == prefix or module.startswith(f"{prefix}.")
    return is_own and not frame.f_code.co_filename.startswith(_OURS)
