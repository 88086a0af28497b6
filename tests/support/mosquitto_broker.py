"""A real MQTT broker."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from ports import free_port
from programs import find_program

__all__ = ["Mosquitto"]


class Mosquitto:
    """A broker that can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        text = f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n"
        (folder / "mosquitto.conf").write_text(text)

    def start(self) -> None:
        log = self._folder / "mosquitto.log"
        with log.open("ab") as output:
            command = [find_program("mosquitto"), "-c", str(self._folder / "mosquitto.conf")]
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        while self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
        raise AssertionError(log.read_text())

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        command = [find_program("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(self.port)]
        command += ["-t", topic, "-m", payload, *(["-r"] if retain else [])]
        subprocess.run(command, check=True, timeout=20)
