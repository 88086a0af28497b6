"""How long certificates are valid: warnings, a metric, and a reload."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import oscbridge
from oscbridge import Endpoint, Reconfigurable
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.net.certificate import certificate_warning, read_certificate
from oscbridge.plugins.manager import Plugins
from oscbridge.status.status import read_status

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def make(path: Path, start: datetime, end: datetime) -> Path:
    """A certificate that is valid between two times."""
    key = path.with_suffix(".key")
    request = path.with_suffix(".csr")
    configuration = path.with_suffix(".cnf")
    database = path.with_suffix(".txt")
    database.write_text("")
    configuration.write_text(
        f"[ca]\ndefault_ca = x\n[x]\ndatabase = {database}\nnew_certs_dir = {path.parent}\n"
        "rand_serial = yes\ndefault_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n"
    )
    for command in (
        f"openssl req -new -newkey rsa:2048 -nodes -keyout {key} -out {request} -subj /CN=stage",
        f"openssl ca -batch -selfsign -notext -config {configuration} -keyfile {key} "
        f"-in {request} -out {path} -startdate {start:%Y%m%d%H%M%SZ} -enddate {end:%Y%m%d%H%M%SZ}",
    ):
        subprocess.run(command.split(), check=True, capture_output=True)
    return path


@pytest.mark.parametrize(
    ("start", "end", "warning"),
    [
        (-10, 365, ""),
        (-10, 14.1, ""),
        (-10, 13.5, "expires in 13 days, on 2026-12-11; renew it"),
        (-10, 1.5, "expires in 1 day, on 2026-11-29; renew it"),
        (-10, 0.25, "expires in less than a day, on 2026-11-27; renew it"),
        (-10, -1, "expired on 2026-11-26; renew it"),
        (1, 365, "not valid before 2026-11-28 12:00 UTC; check the clock, or renew it"),
        (-10, 36_500, ""),  # after 2049 the time is written in another way
    ],
)
def test_warning_depends_on_the_validity(
    tmp_path: Path, start: float, end: float, warning: str
) -> None:
    first, last = NOW + timedelta(days=start), NOW + timedelta(days=end)
    info = read_certificate(make(tmp_path / "stage.pem", first, last))
    assert info is not None
    assert (info.start, info.end) == (first, last)
    assert certificate_warning(info, NOW) == warning


def test_chain_ends_with_its_first_certificate_to_expire(tmp_path: Path) -> None:
    one = make(tmp_path / "one.pem", NOW, NOW + timedelta(days=300))
    two = make(tmp_path / "two.pem", NOW, NOW + timedelta(days=20))
    one.write_text(one.read_text() + two.read_text())
    info = read_certificate(one)
    assert info is not None
    assert info.end == NOW + timedelta(days=20)


@pytest.mark.parametrize(
    "text", ["", "x", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"]
)
def test_file_without_a_certificate_has_no_validity(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.pem").write_text(text)
    assert read_certificate(tmp_path / "x.pem") is None


class LockedOptions(oscbridge.Options):
    certificate: oscbridge.File

    def certificates(self) -> dict[str, Path]:
        return {"certificate": self.certificate}


class Locked(Endpoint[LockedOptions], Reconfigurable[LockedOptions]):
    def update(self, options: LockedOptions) -> bool:
        return True


async def test_expired_certificate_is_logged_and_a_new_one_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    file = make(tmp_path / "stage.pem", now - timedelta(days=9), now - timedelta(days=1))
    text = '[endpoint.web]\ntype = "locked"\ncertificate = "stage.pem"'
    old = parse(text, {"locked": Locked}, "show.toml", tmp_path)
    assert "show.toml: endpoint.web.certificate: expired on" in caplog.text
    app = App(old, Plugins())
    await app.start()
    try:
        end = now + timedelta(days=90)
        make(file, now - timedelta(days=9), end)
        changes = await app.reload(parse(text, {"locked": Locked}, "show.toml", tmp_path))
        assert str(changes) == f"endpoint.web: new certificate, valid until {end:%Y-%m-%d}"
        (status,) = read_status(app).endpoints
        assert status.certificates == {"certificate": end.timestamp()}
        changes = await app.reload(parse(text, {"locked": Locked}, "show.toml", tmp_path))
        assert str(changes) == "nothing changed"
    finally:
        await app.stop()
