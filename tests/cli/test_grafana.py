"""``oscbridge grafana``: `tests/monitoring/test_grafana.py` checks the dashboard itself."""

from __future__ import annotations

import json

from click.testing import CliRunner

from oscbridge.cli import cli


def test_dashboard_is_printed_as_grafana_imports_it() -> None:
    dashboard = json.loads(CliRunner().invoke(cli, ["grafana"]).output)
    assert dashboard["title"] == "oscbridge"
    assert dashboard["panels"]
