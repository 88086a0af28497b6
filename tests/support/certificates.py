"""Self-signed certificates, made with openssl."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Certificate", "make_certificate"]


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for this machine."""

    certificate: Path
    key: Path

    @property
    def toml(self) -> str:
        return f'certificate = "{self.certificate}"\nkey = "{self.key}"\n'

    @property
    def trusted(self) -> ssl.SSLContext:
        """For a client that trusts only this certificate."""
        return ssl.create_default_context(cafile=self.certificate)


def make_certificate(folder: Path, name: str) -> Certificate:
    """Make a certificate for 127.0.0.1 and localhost, valid for 60 days."""
    found = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 60"
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    files = ["-keyout", str(found.key), "-out", str(found.certificate)]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    return found
