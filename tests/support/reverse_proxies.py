"""Reverse proxies in front of a port of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from programs import find_program

from oscbridge.testing import free_port

__all__ = ["PROXIES", "UPGRADE", "running_nginx", "running_proxy"]

UPGRADE = """
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
"""
"""What nginx needs for WebSocket."""

SETTINGS = """
daemon off;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {outside}
        location {location} {{
            proxy_pass http://127.0.0.1:{to};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            {more}
        }}
    }}
}}
"""

CADDYFILE = """
{{
    admin off
    auto_https off
}}
http://:{port} {{
    bind 127.0.0.1
    handle_path /stage/* {{
        reverse_proxy 127.0.0.1:{to}
    }}
    handle {{
        reverse_proxy 127.0.0.1:{to}
    }}
}}
"""


HAPROXY = """
defaults
    mode http
    option forwardfor
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend web
    bind 127.0.0.1:{port}
    http-request replace-path /stage/(.*) /\\1
    default_backend osc
backend osc
    server bridge 127.0.0.1:{to}
"""

APACHE = """
ServerRoot {folder}
ServerName localhost
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
User nobody
Group nogroup
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
ProxyPreserveHost On
ProxyPass /stage/ http://127.0.0.1:{to}/ upgrade=websocket
ProxyPass / http://127.0.0.1:{to}/ upgrade=websocket
"""

MODULES = "/usr/lib/apache2/modules"

PROXIES = {
    "caddy": (CADDYFILE, ["run", "--adapter", "caddyfile", "--config"]),
    "haproxy": (HAPROXY, ["-db", "-f"]),
    "apache2": (APACHE, ["-D", "FOREGROUND", "-f"]),
}
"""Their settings, and their arguments before the name of the file with them."""


@contextmanager
def running_nginx(
    folder: Path, to: int, more: str = UPGRADE, *, location: str = "/", outside: str = ""
) -> Iterator[int]:
    """nginx before a port, on the port that it returns once it accepts connections.

    ``more`` are lines of its location; a ``location`` with a path removes that. ``outside`` are
    other locations.
    """
    port, log = free_port(), folder / "nginx.log"
    file = folder / "nginx.conf"
    slash = "" if location == "/" else "/"
    text = SETTINGS.format(
        folder=folder,
        port=port,
        to=f"{to}{slash}",
        more=more,
        location=location,
        outside=outside,
    )
    file.write_text(text)
    command = [find_program("nginx"), "-p", str(folder), "-c", str(file), "-e", str(log)]
    with _running(command, port, log) as found:
        yield found


@contextmanager
def running_proxy(name: str, folder: Path, to: int) -> Iterator[int]:
    """One of :data:`PROXIES` before a port, on the port that it returns."""
    settings, arguments = PROXIES[name]
    port, log = free_port(), folder / f"{name}.log"
    file = folder / f"{name}.conf"
    file.write_text(settings.format(port=port, to=to, folder=folder, modules=MODULES))
    command = [find_program(name), *arguments, str(file)]
    with _running(command, port, log, HOME=str(folder)) as found:
        yield found


@contextmanager
def _running(command: list[str], port: int, log: Path, **env: str) -> Iterator[int]:
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | env)
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, log.read_text()
        yield port
    finally:
        process.terminate()
        process.wait(10)
