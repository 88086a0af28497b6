"""``oscbridge test``"""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("test")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--verbose", "-v", is_flag=True, help="Print a line for each test.")
@click.option(
    "-k", "text", metavar="TEXT", help="Run only tests with TEXT in their names, in any case."
)
def command(file: Path, verbose: bool, text: str | None) -> None:
    """Run the tests in a configuration FILE.

    A test sends messages through the routes, and says which messages the endpoints must get.
    Nothing is opened, and time is simulated: a test that takes an hour runs at once. Functions
    of routes run. Each test starts with fresh routes.

    \b
      [[test]]
      name   = "fader 3 becomes controller 3"
      from   = "stage"
      send   = "/1/fader3 0.5"
      expect = ["synth /control 1 3 64"]
      never  = ["web *"]

    Exit code: 0 if all tests passed, 1 if any failed, 2 if FILE has problems, 5 if there is no
    test to run.

    \b
    Examples:
      oscbridge test studio.toml
      oscbridge test studio.toml -v
      oscbridge test studio.toml -k fader
    """
    from oscbridge.cli.running_tests import run_tests  # completion does not need it

    run_tests(file, text, verbose=verbose)
