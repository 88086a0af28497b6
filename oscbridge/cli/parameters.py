"""Parameter types that several commands share."""

from __future__ import annotations

import click

from oscbridge.net.url import OSCURL

__all__ = ["URL"]


class _URL(click.ParamType[OSCURL]):
    name = "url"

    def convert(
        self, value: str | OSCURL, param: click.Parameter | None, ctx: click.Context | None
    ) -> OSCURL:
        if isinstance(value, OSCURL):
            return value
        try:
            return OSCURL.parse(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


URL = _URL()
