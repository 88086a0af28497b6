"""``oscbridge init``"""

from __future__ import annotations

from pathlib import Path

import click

from oscbridge.cli.completion import complete_example, complete_profile
from oscbridge.cli.new_configuration import TARGETS
from oscbridge.cli.parameters import PORT

__all__ = ["command"]


@click.command("init")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--port", type=PORT, help="The UDP port where OSC arrives.")
@click.option(
    "--to",
    "target",
    type=click.Choice(list(TARGETS), case_sensitive=False),
    help="Where messages go.",
)
@click.option("--at", "place", metavar="PLACE", help="Where the target is, e.g. 192.168.1.40:9001.")
@click.option(
    "--profile",
    metavar="NAME",
    shell_complete=complete_profile,
    help="The device profile of an OSC target.",
)
@click.option("--one-way", is_flag=True, help="Let nothing come back.")
@click.option(
    "--example",
    metavar="NAME",
    shell_complete=complete_example,
    help="Take the configuration of an example instead.",
)
@click.option("--yes", "-y", "unasked", is_flag=True, help="Take the default of every question.")
def command(
    file: Path | None,
    port: int | None,
    target: str | None,
    place: str | None,
    profile: str | None,
    one_way: bool,
    example: str | None,
    unasked: bool,
) -> None:
    """Write a configuration FILE from answers to a few questions.

    A question whose option is given is not asked. FILE is oscbridge.toml by default, and is never
    replaced.

    \b
    Examples:
      oscbridge init
      oscbridge init studio.toml --to midi --at Minilogue --yes
      oscbridge init --to osc --at 192.168.1.40:10023 --profile x32 --yes
      oscbridge init --example shared-mixer
    """
    from oscbridge.cli.new_file import GivenAnswers, write_new_file  # completion does not need it

    write_new_file(file, GivenAnswers(port, target, place, profile, one_way, unasked), example)
