"""The commands and their summaries, so that a list of them imports none."""

from __future__ import annotations

from typing import Final

__all__ = ["SUMMARIES"]

SUMMARIES: Final = {
    "run": "Run the bridge until Ctrl-C.",
    "init": "Write a configuration FILE from answers to a few questions.",
    "doctor": "Say what this machine has and lacks, on one screen to send to others.",
    "check": "Check a configuration FILE without opening anything.",
    "test": "Run the tests in a configuration FILE.",
    "send": "Send one OSC message, and print it as it was sent.",
    "dump": "Print incoming OSC messages, one per line.",
    "record": "Record OSC packets with their times into FILE.",
    "play": "Send the packets of a recording again, each at its time.",
    "top": "Watch the running bridge: its endpoints, rates, queues, drops and addresses.",
    "tap": "Show the messages that pass through the running bridge, as they pass.",
    "addresses": "List the addresses that the running bridge knows, with their types and ranges.",
    "learn": "Learn a route from a control and a target that are moved, and print it as TOML.",
    "mute": "Let no message pass routes of the running bridge, until they are unmuted.",
    "unmute": "Let messages pass muted routes of the running bridge again.",
    "leader": "Show whether the running bridge delivers or stands by, or hand over to the other.",
    "reload": "Make the running bridge read its configuration again.",
    "history": "List the edits of the configuration that the running bridge has saved; show one.",
    "undo": "Undo an edit of the configuration, by default the last one, and reload.",
    "redo": "Make an edit of the configuration again that was undone, and reload.",
    "browse": "List the OSC programs and devices that announce themselves in the network.",
    "devices": "List the devices that could be added, each as the table of an endpoint.",
    "set": "Set a variable of the running bridge, or list all variables.",
    "health": "Check whether the running bridge is ready, for scripts and containers.",
    "plugins": "List the installed plugins, or show, start or check one.",
    "profiles": "List the device profiles; show or check one.",
    "examples": "List the examples; show or copy one.",
    "simulate": "Simulate a device, to try a setup without it.",
    "systemd": "Print a unit of systemd, which runs the bridge as a service.",
    "grafana": "Print a dashboard for Grafana, which shows the metrics of bridges.",
    "schema": "Print the JSON Schema of the configuration file, for editors.",
    "import": "Print a configuration made of the rules of another program's file.",
}
"""The first sentences of the help texts, by the names of the commands."""
