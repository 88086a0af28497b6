"""A real MQTT broker."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ports import free_port
from programs import find_program
from server_process import ServerProcess

__all__ = ["Mosquitto"]


class Mosquitto(ServerProcess):
    """A Mosquitto. ``lines`` are its configuration; anonymous clients may connect by default."""

    def __init__(self, folder: Path, *lines: str, websocket: bool = False) -> None:
        file = folder / "mosquitto.conf"
        super().__init__([find_program("mosquitto"), "-c", str(file)], folder, free_port())
        listeners = [f"listener {self.port} 127.0.0.1"]
        if websocket:  # does not start without another listener
            listeners = [f"listener {free_port()} 127.0.0.1", f"listener {self.port}",
                         "protocol websockets"]  # fmt: skip
        if not any(line.startswith("allow_anonymous") for line in lines):
            lines = ("allow_anonymous true", *lines)
        file.write_text("\n".join(["user root", *listeners, *lines]) + "\n")

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        command = [find_program("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(self.port)]
        command += ["-t", topic, "-m", payload, *(["-r"] if retain else [])]
        subprocess.run(command, check=True, timeout=20)
