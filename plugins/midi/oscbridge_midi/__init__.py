"""The MIDI plugin of oscbridge: OSC to and from MIDI gear.

OSC to MIDI: :mod:`endpoint` passes each message to :mod:`message_encoder`, which uses the route's
fields (:mod:`route_options`, :mod:`template`) or the default mapping (:mod:`codec`,
:mod:`message_table`) and places notes in MPE zones (:mod:`mpe`). :mod:`sounding_notes` tracks what
sounds; :mod:`din` limits the speed. The bytes go to a TCP peer (:mod:`tcp`, :mod:`tcp_server`) or
to a port of the system (:mod:`system_ports`).

MIDI to OSC: :mod:`tcp` (:mod:`stream_parser`) or :mod:`system_ports` receive messages, and
:mod:`receiver` converts them, with :mod:`parameters` and :mod:`clock_tempo`. What a message took
several MIDI messages for is kept with it (:mod:`joined_numbers`).

:mod:`rtp` is network MIDI. :mod:`timing` reads time code and generates it and the clock, which
:mod:`time_control` passes to the outputs.

The system's ports belong to a process per endpoint: :mod:`port_supervisor` is the bridge's side,
:mod:`port_worker` with :mod:`rtmidi_ports` and :mod:`jack` the other, :mod:`port_protocol` the
frames between them. :mod:`commands` is the command line, :mod:`omm` reads maps of OSC2MIDI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import oscbridge

if TYPE_CHECKING:
    import click


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"midi": "oscbridge_midi.endpoint:MidiEndpoint"}


@oscbridge.hookimpl
def oscbridge_register_routes(routes: oscbridge.Routes, source: oscbridge.Source) -> None:
    """``/panic`` reaches each MIDI endpoint, also where routes of the configuration lead to it."""
    for sink in source.sinks.values():
        if sink.type == "midi" and sink.is_routed and sink.name != source.name:
            routes.add("/panic", sink, incidental=True)


@oscbridge.hookimpl
def oscbridge_importers() -> oscbridge.Importers:
    from oscbridge_midi.omm import IMPORTER

    return {"omm": IMPORTER}


@oscbridge.hookimpl
def oscbridge_commands(cli: click.Group) -> None:
    from oscbridge_midi.commands import midi  # imported only when a command runs

    cli.add_command(midi)
