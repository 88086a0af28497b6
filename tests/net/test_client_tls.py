"""The TLS context of a client, and certificates that it does not trust."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

import oscbridge


@pytest.mark.parametrize("content", ["", "nonsense"])
def test_invalid_authority_is_named(tmp_path: Path, content: str) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text(content)
    with pytest.raises(oscbridge.ConfigurationError, match=r"^ca = .*: not a valid certificate: "):
        oscbridge.client_tls_context(ca)


def test_invalid_certificate_is_named_with_its_key(tmp_path: Path) -> None:
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    certificate.write_text("nonsense")
    key.write_text("nonsense")
    with pytest.raises(oscbridge.ConfigurationError) as caught:
        oscbridge.client_tls_context(None, certificate, key)
    assert str(caught.value).startswith(
        f"certificate = {certificate}, key = {key}: not a valid certificate with its key: "
    )


def test_server_must_show_a_trusted_certificate_with_its_name() -> None:
    context = oscbridge.client_tls_context(None)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("Hostname mismatch", "Hostname mismatch; connect by a name in the certificate"),
        ("IP address mismatch", "IP address mismatch; connect by a name in the certificate"),
        ("self-signed certificate", "self-signed certificate; set ca to the certificate of its"),
        ("unable to get local issuer certificate", "certificate; set ca to the certificate of its"),
        ("certificate has expired", "certificate has expired"),
    ],
)
def test_untrusted_certificate_has_a_hint(reason: str, text: str) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_message = reason
    found = oscbridge.untrusted_certificate(error, "10.0.0.1")
    assert text in found
    assert found == reason or "; " in found
