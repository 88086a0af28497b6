"""Parameter types that several commands share."""

from __future__ import annotations

import click

from oscbridge.net.host_name import check_host
from oscbridge.net.url import OSCURL

__all__ = ["TARGET_URL", "URL"]


class _URL(click.ParamType[OSCURL]):
    name = "url"

    def parse(self, text: str) -> OSCURL:
        return OSCURL.parse(text)

    def convert(
        self, value: str | OSCURL, param: click.Parameter | None, ctx: click.Context | None
    ) -> OSCURL:
        if isinstance(value, OSCURL):
            return value
        try:
            return self.parse(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class _TargetURL(_URL):
    """Where something is sent: ``*`` is only a host to listen on."""

    def parse(self, text: str) -> OSCURL:
        url = super().parse(text)
        check_host(url.host)
        return url


URL = _URL()
TARGET_URL = _TargetURL()
