"""Starts the bridge as an add-on of Home Assistant, as the user of the image.

It runs as root: it reads the options of the add-on, writes the first configuration, and hands the
folders of configuration and state to that user.
"""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import Request, urlopen

USER: Final = "oscbridge"
SHARE: Final = Path("/usr/share/oscbridge")
CONFIG: Final = Path("/config/oscbridge.toml")
"""The folder is "addon_config": other add-ons, e.g. an editor, see it."""
DATA: Final = Path("/data")
SUPERVISOR: Final = "http://supervisor"
TIMEOUT: Final = 10.0
"""Seconds for an answer of the Supervisor."""
MAX_ANSWER: Final = 65_536
"""Bytes that are read of it."""

Broker = Mapping[str, Any]


def main() -> None:
    """Replace this process by the bridge."""
    options = read_options(DATA / "options.json")
    broker = find_broker(SUPERVISOR, os.environ.get("SUPERVISOR_TOKEN", ""))
    if not CONFIG.exists():
        CONFIG.write_text(first_configuration(SHARE, broker))
        say(f"wrote {CONFIG}{', with the broker of Home Assistant' if broker else ''}")
    state = DATA / "oscbridge"
    user = pwd.getpwnam(USER)
    state.mkdir(exist_ok=True)
    for folder in (state, CONFIG.parent):
        hand_over(folder, user)
    os.environ.update(variables(options, broker))
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    program = "oscbridge-entrypoint"
    os.execvp(program, [program, "run", str(CONFIG), "--log", str(options.get("log", "text"))])


def read_options(file: Path) -> Mapping[str, Any]:
    """The options of the add-on, which the Supervisor has checked by their schema."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        say(f"the options in {file} cannot be read, so defaults are used: {error}")
        return {}
    return found if isinstance(found, dict) else {}


def find_broker(supervisor: str, token: str) -> Broker | None:
    """The MQTT broker of Home Assistant; None without one."""
    request = Request(f"{supervisor}/services/mqtt", headers={"Authorization": f"Bearer {token}"})
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:
            found = json.loads(answer.read(MAX_ANSWER))["data"]
    except (URLError, HTTPException, OSError, ValueError, KeyError, TypeError) as error:
        say(f"Home Assistant offers no MQTT broker: {error}")
        return None
    return found if isinstance(found, dict) and found.get("host") else None


def first_configuration(share: Path, broker: Broker | None) -> str:
    """The text of the configuration until it is edited."""
    if broker is None:
        return (share / "oscbridge.toml").read_text()
    scheme = "mqtts" if broker.get("ssl") else "mqtt"
    lines = (share / "with-broker.toml.in").read_text().splitlines(keepends=True)
    username = str(broker.get("username") or "")
    if not username:
        lines = [each for each in lines if not each.startswith(("username", "password"))]
    text = "".join(lines)
    for mark, value in (
        ("@BROKER@", f"{scheme}://{broker['host']}:{broker.get('port', 1883)}"),
        ("@USERNAME@", username),
    ):
        text = text.replace(f'"{mark}"', json.dumps(value))  # TOML has the same escapes
    return text


def variables(options: Mapping[str, Any], broker: Broker | None) -> dict[str, str]:
    """The environment of the bridge."""
    found = {"HOME": "/tmp", "XDG_STATE_HOME": str(DATA)}
    if broker is not None:
        found["MQTT_PASSWORD"] = str(broker.get("password") or "")
    if plugins := options.get("plugins"):
        found["OSCBRIDGE_PLUGINS"] = " ".join(map(str, plugins))
    return found


def hand_over(folder: Path, user: pwd.struct_passwd) -> None:
    """Give a folder and its content to a user. A restored backup may belong to another one."""
    for path in (folder, *folder.rglob("*")):
        try:
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        except OSError as error:
            say(f"{path} cannot be given to user {user.pw_name}: {error.strerror}")


def say(text: str) -> None:
    print(f"oscbridge: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
