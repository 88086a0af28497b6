"""A received message as a line: time, sender, address, type tags and values."""

from __future__ import annotations

from datetime import datetime

import click

from oscbridge.osc import Message
from oscbridge.osc.text import format_message

__all__ = ["message_line"]


def message_line(peer: object, message: Message) -> str:
    """A line for the terminal; ``peer`` is the address of the sender, if it is known."""
    sender = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "?"
    parts = [
        click.style(datetime.now().strftime("%H:%M:%S.%f")[:-3], dim=True),
        click.style(sender, fg="cyan"),
        format_message(message),
    ]
    if message.timetag is not None and not message.timetag.immediate:
        parts.append(click.style(f"@ {message.timetag.datetime().isoformat()}", fg="yellow"))
    return " ".join(parts)
