"""What a bridge does not use, it does not load: modules cost memory and time at the start."""

from __future__ import annotations

import subprocess
import sys

UNUSED = {
    "difflib",
    "oscbridge.bridge.config.toml_causes",
    "oscbridge.bridge.sinks.spool.writer",
    "oscbridge.bridge.sources.forked.supervisor",
    "oscbridge.bridge.sources.thread_listener",
    "oscbridge.server.tcp",
    "prometheus_client",
    "rich",
    "socketserver",
    "sqlite3",
    "tomlkit",
    "watchfiles",
}


def test_bridge_without_special_options_loads_nothing_for_them() -> None:
    code = f"import sys, oscbridge.cli.running; print({UNUSED} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "set()\n"
