"""Plain words for what can go wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from oscbridge.monitoring import BridgeStatus, EndpointStatus

__all__ = ["bridge_fix", "connection_fix", "count_of", "path_text"]

_BRIDGE: Final[Sequence[tuple[str, str, str]]] = (
    (
        "in use",
        "Another program uses this port. Close it, or choose another port and set the same one "
        "in the sender.",
        'listen = "udp://0.0.0.0:9001"',
    ),
    ("permission", "Ports below 1024 need root. Choose a higher port.", 'listen = "udp://:9000"'),
    (
        "cannot assign",
        "This machine does not have that address. Use one that it has, or 0.0.0.0 for all.",
        'listen = "udp://0.0.0.0:9000"',
    ),
)
"""For a part of the problem of a bridge: what to do, and a line for its table."""

_CONNECTION: Final[Sequence[tuple[str, str, str]]] = (
    (
        "not authori",
        "Give the endpoint its user and password.",
        'user = "…"\npassword = { env = "…" }',
    ),
    ("bad user", "Correct the user and the password.", ""),
    ("wrong token", "Correct the token of this endpoint.", ""),
    (
        "refused",
        "Start that program, or correct its address.",
        "",
    ),
    (
        "unreachable",
        "This machine has no route to that address. Check the network cable or the Wi-Fi.",
        "",
    ),
    (
        "no route",
        "This machine has no route to that address. Check the network cable or the Wi-Fi.",
        "",
    ),
    (
        "name or service",
        "This host name is unknown. Correct it, or use the IP address.",
        "",
    ),
    ("unknown host", "This host name is unknown. Correct it, or use the IP address.", ""),
    ("name resolution", "This host name is unknown. Use the IP address.", ""),
    (
        "certificate",
        "The certificate is not trusted. Set 'ca' to the authority that signed it.",
        "",
    ),
    ("timed out", "It does not answer. Check that it is on, and that the address is correct.", ""),
    ("no answer", "It does not answer. Check that it is on, and that the address is correct.", ""),
    ("no such port", "Plug the device in, or choose another port.", ""),
    ("no such file", "Plug the device in, or correct the name of the port.", ""),
    ("cannot be imported", "Install or update the plugin, then restart the bridge.", ""),
)
"""The same for an endpoint."""

_TRIED: Final = "The bridge keeps trying."


def bridge_fix(bridge: BridgeStatus) -> tuple[str, str]:
    """What to do about a bridge that does not listen, and a line for its table."""
    found = _first(_BRIDGE, bridge.problem)
    return found or ("Correct 'listen' in the configuration file, then reload.", "")


def connection_fix(endpoint: EndpointStatus) -> tuple[str, str]:
    """What to do about an endpoint that is not connected, and a line for its table."""
    fix, code = _first(_CONNECTION, endpoint.problem) or ("Check that it is on and reachable.", "")
    return (f"{fix} {_TRIED}", code)


def _first(table: Sequence[tuple[str, str, str]], problem: str) -> tuple[str, str] | None:
    lower = problem.lower()
    return next(((fix, code) for word, fix, code in table if word in lower), None)


def count_of(count: int, one: str, several: str) -> str:
    """A number with its noun: ``1,284 messages``."""
    return f"{count:,} {one if count == 1 else several}"


def path_text(path: Path) -> str:
    """An absolute path; the home directory is ``~``."""
    try:
        home = Path.home()
    except RuntimeError:  # there is none
        return str(path)
    is_below = len(home.parts) > 1 and path.is_relative_to(home)
    return str(Path("~") / path.relative_to(home)) if is_below else str(path)
