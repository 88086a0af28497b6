"""Reverse proxies in front of a port of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certificates import make_certificate
from programs import find_program

from oscbridge.testing import free_port

__all__ = ["PROXIES", "SITES", "UPGRADE", "running_nginx", "running_proxy", "running_site"]

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
        {server}
    }}
}}
"""

ONE_LOCATION = """
        listen 127.0.0.1:{port};
        {outside}
        location {location} {{
            proxy_pass http://127.0.0.1:{to};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            {more}
        }}
"""

NGINX_SITE = """
        listen 127.0.0.1:{port} ssl;
        server_name {name};
        ssl_certificate {certificate.certificate};
        ssl_certificate_key {certificate.key};
        {site}
"""

CADDY_SITE = """
{{
    admin off
    local_certs
    skip_install_trust
    auto_https disable_redirects
    default_bind 127.0.0.1
    https_port {port}
}}
{site}
"""
"""A site as it is written for an authority, here with a certificate of Caddy itself."""

SITES = ("nginx", "caddy")
"""Proxies for :func:`running_site`."""

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
    port = free_port()
    slash = "" if location == "/" else "/"
    server = ONE_LOCATION.format(
        port=port, to=f"{to}{slash}", more=more, location=location, outside=outside
    )
    with _nginx(folder, port, server) as found:
        yield found


@contextmanager
def running_site(kind: str, folder: Path, name: str, site: str) -> Iterator[int]:
    """One of :data:`SITES` with TLS for a host name, on the port that it returns.

    ``site`` are the locations of nginx, or the site of a Caddyfile.
    """
    port = free_port()
    if kind == "nginx":
        certificate = make_certificate(folder, name)
        server = NGINX_SITE.format(port=port, name=name, certificate=certificate, site=site)
        with _nginx(folder, port, server) as found:
            yield found
    else:
        with _proxy(kind, folder, port, CADDY_SITE.format(port=port, site=site)) as found:
            yield found


@contextmanager
def running_proxy(name: str, folder: Path, to: int) -> Iterator[int]:
    """One of :data:`PROXIES` before a port, on the port that it returns."""
    port = free_port()
    settings = PROXIES[name][0].format(port=port, to=to, folder=folder, modules=MODULES)
    with _proxy(name, folder, port, settings) as found:
        yield found


@contextmanager
def _nginx(folder: Path, port: int, server: str) -> Iterator[int]:
    file, log = folder / "nginx.conf", folder / "nginx.log"
    file.write_text(SETTINGS.format(folder=folder, server=server))
    command = [find_program("nginx"), "-p", str(folder), "-c", str(file), "-e", str(log)]
    with _running(command, port, log) as found:
        yield found


@contextmanager
def _proxy(name: str, folder: Path, port: int, settings: str) -> Iterator[int]:
    file, log = folder / f"{name}.conf", folder / f"{name}.log"
    file.write_text(settings)
    command = [find_program(name), *PROXIES[name][1], str(file)]
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with _running(command, port, log, **home) as found:
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
