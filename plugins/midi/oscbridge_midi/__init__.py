"""The MIDI plugin of oscbridge: OSC to and from MIDI gear."""

from collections.abc import Mapping

import click

import oscbridge
from oscbridge_midi.endpoint import MidiEndpoint
from oscbridge_midi.outgoing import PANIC
from oscbridge_midi.table import TABLE

__all__ = ["MidiEndpoint"]


@oscbridge.hookimpl
def oscbridge_endpoints() -> Mapping[str, type[oscbridge.Endpoint]]:
    return {"midi": MidiEndpoint}


@oscbridge.hookimpl
def oscbridge_register_routes(dispatcher: oscbridge.Dispatcher, source: oscbridge.Source) -> None:
    """An endpoint that no route names takes the addresses of the default mapping."""
    for sink in source.sinks.values():
        if sink.type == "midi" and not sink.routed:
            for address in (PANIC, *(kind.address for kind in TABLE)):
                dispatcher.map(address, sink.offer, needs_message=True)
                dispatcher.map(f"{address}/*", sink.offer, needs_message=True)


@oscbridge.hookimpl
def oscbridge_commands(cli: click.Group) -> None:
    from oscbridge_midi.commands import midi  # only when a command is asked for

    cli.add_command(midi)
