"""``oscbridge run --dry``: everything runs, and nothing is sent."""

from __future__ import annotations

from dataclasses import replace

from oscbridge.bridge.config.resolved import Configuration, EndpointEntry

__all__ = ["without_sending"]


def without_sending(configuration: Configuration) -> Configuration:
    """The same configuration, where endpoints log messages instead of sending them.

    Bridges are not announced, and no lease is asked for.
    """
    endpoints = {name: _dry(entry) for name, entry in configuration.endpoints.items()}
    bridges = {
        name: options.model_copy(update={"announce": False})
        for name, options in configuration.bridges.items()
    }
    run = configuration.run.model_copy(update={"leader": None})
    return replace(configuration, endpoints=endpoints, bridges=bridges, run=run)


def _dry(entry: EndpointEntry) -> EndpointEntry:
    """The messages on disk stay there, and no others are put beside them."""
    runner = replace(entry.runner, dry=True)
    if runner.policy == "spool":
        runner = replace(runner, policy="drop_oldest", spool=None)
    return replace(entry, runner=runner)
