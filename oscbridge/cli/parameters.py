"""Parameter types that several commands share."""

from __future__ import annotations

import click

from oscbridge.net.host_name import check_host
from oscbridge.net.url import OSCURL
from oscbridge.osc.text import is_number
from oscbridge.suggestions import did_you_mean

__all__ = ["PORT", "TARGET_URL", "URL", "ValuesCommand"]


class _Port(click.IntRange):
    name = "port"


PORT = _Port(1, 65_535)


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


class ValuesCommand(click.Command):
    """Accepts ``-1`` as an argument, and still rejects unknown options.

    Its context needs ``ignore_unknown_options``.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = [name for param in self.get_params(ctx) for name in param.opts]
        for arg in args[: args.index("--")] if "--" in args else args:
            option = arg.partition("=")[0]
            if len(arg) > 1 and arg.startswith("-") and option not in known and not is_number(arg):
                fix = did_you_mean(option, known) or "put -- before arguments like this"
                raise click.UsageError(f"unknown option {option!r}; {fix}", ctx)
        return super().parse_args(ctx, args)
