"""Images with the names of images of a registry, made from packages of this machine.

They have the programs that the Dockerfile and the compose files rely on, nothing more. They
show that these files work, not that the official images do.
"""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

from engine import Engine
from programs import find_program

from oscbridge_nats.conformance import server_program

__all__ = ["BASE", "BROKER", "CLUSTER", "make_base", "make_brokers"]

ROOT: Final = Path(__file__).parents[2]
BASE: Final = re.search(r"^ARG BASE=(\S+)", (ROOT / "docker/Dockerfile").read_text(), re.M)[1]  # type: ignore[index]
BROKER: Final = "eclipse-mosquitto:2"
CLUSTER: Final = "nats:2-alpine"

CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
PACKAGES: Final = ("python3", "python3-venv", "python3-pip", "ca-certificates")
SUITE: Final = "bookworm"


def make_base(engine: Engine) -> None:
    """A small Debian with Python, which finds packages where this machine does."""
    settings = engine.folder / "pip.conf"
    settings.write_text(_pip_settings())
    archive = engine.folder / "base.tar"
    result = subprocess.run(
        [
            *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
            "--dpkgopt=force-unsafe-io",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            f"--customize-hook=upload {CERTIFICATES} {CERTIFICATES}",
            f"--customize-hook=upload {settings} /etc/pip.conf",
            *(SUITE, str(archive)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    engine.load(archive, BASE, "CMD python3")
    archive.unlink()


def _pip_settings() -> str:
    """The package indexes and trusted hosts of pip, without folders of this machine."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    found = re.findall(r"^(?:global|:env:)\.([\w-]+)='(.*)'$", listed.stdout, re.MULTILINE)
    kept = {"cert": str(CERTIFICATES)}
    for key, value in found:
        web = [each for each in value.split() if not each.startswith("file:")]
        if key in ("index-url", "extra-index-url", "trusted-host", "timeout") and web:
            kept[key] = " ".join(web)
    settings = configparser.RawConfigParser()
    settings["global"] = kept
    lines = [f"{key} = {value}" for key, value in settings["global"].items()]
    return "\n".join(["[global]", *lines, ""])


def make_brokers(engine: Engine) -> None:
    """Mosquitto and a node of NATS, started as the official images start them."""
    users = engine.folder / "passwd"
    users.write_text("root:x:0:0::/:/bin/sh\nmosquitto:x:1883:1883::/:/bin/sh\n")
    groups = engine.folder / "group"
    groups.write_text("root:x:0:\nmosquitto:x:1883:\n")
    for name, programs, command in (
        (
            BROKER,
            ("mosquitto", "mosquitto_sub", "mosquitto_pub"),
            '["mosquitto", "-c", "/mosquitto/config/mosquitto.conf"]',
        ),
        (CLUSTER, ("nats-server", "wget"), '["--config", "nats-server.conf"]'),
    ):
        archive = engine.folder / "broker.tar"
        with tarfile.open(archive, "w", dereference=True) as tar:
            tar.add(users, "etc/passwd")
            tar.add(groups, "etc/group")
            for folder, owner in (("tmp", 0), ("data", 0), ("mosquitto/data", 1883)):
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o755, owner, owner
                tar.addfile(entry)
            libraries: set[str] = set()
            for program in programs:
                # Debian's server is older than the image.
                path = server_program() if program == "nats-server" else find_program(program)
                tar.add(path, f"usr/bin/{program}")
                libraries |= _libraries(path)
            for library in sorted(libraries):
                tar.add(library)
        start = 'ENTRYPOINT ["nats-server"]' if name == CLUSTER else "ENTRYPOINT []"
        engine.load(archive, name, start, f"CMD {command}", "ENV PATH=/usr/bin")
        archive.unlink()


def _libraries(program: str) -> set[str]:
    result = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return set(re.findall(r"(/\S+) \(0x", result.stdout))
