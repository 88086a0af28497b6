"""``oscbridge run --dry``: everything runs, and nothing is sent."""

from __future__ import annotations

from dataclasses import replace

from oscbridge.bridge.config.resolved import Configuration, EndpointEntry

__all__ = ["without_sending"]


def without_sending(configuration: Configuration) -> Configuration:
    """The same configuration, where endpoints log messages instead of sending them."""
    endpoints = {name: _dry(entry) for name, entry in configuration.endpoints.items()}
    return replace(configuration, endpoints=endpoints)


def _dry(entry: EndpointEntry) -> EndpointEntry:
    """The messages on disk stay there, and no others are put beside them."""
    delivery = replace(entry.delivery, dry=True)
    if delivery.policy == "spool":
        delivery = replace(delivery, policy="drop_oldest", spool=None)
    return replace(entry, delivery=delivery)
