"""The MIDI plugin of oscbridge: OSC to and from MIDI gear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import oscbridge

if TYPE_CHECKING:
    import click

    from oscbridge_midi.endpoint import MidiEndpoint

__all__ = ["MidiEndpoint"]


def __getattr__(name: str) -> object:
    """Loads the endpoint when it is asked for: the process that has the ports does not."""
    if name == "MidiEndpoint":
        from oscbridge_midi.endpoint import MidiEndpoint

        return MidiEndpoint
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@oscbridge.hookimpl
def oscbridge_endpoints() -> Mapping[str, type[oscbridge.Endpoint]]:
    from oscbridge_midi.endpoint import MidiEndpoint

    return {"midi": MidiEndpoint}


@oscbridge.hookimpl
def oscbridge_register_routes(dispatcher: oscbridge.Dispatcher, source: oscbridge.Source) -> None:
    """An endpoint that no route names takes the addresses of the default mapping."""
    from oscbridge_midi.message_encoder import PANIC
    from oscbridge_midi.message_table import TABLE

    for sink in source.sinks.values():
        if sink.type == "midi" and not sink.routed:
            for address in (PANIC, *(kind.address for kind in TABLE)):
                dispatcher.map(address, sink.offer, needs_message=True)
                dispatcher.map(f"{address}/*", sink.offer, needs_message=True)


@oscbridge.hookimpl
def oscbridge_commands(cli: click.Group) -> None:
    from oscbridge_midi.commands import midi  # only when a command is asked for

    cli.add_command(midi)
