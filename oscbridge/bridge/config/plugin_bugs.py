"""Finds bugs of a plugin that show only when it is asked about valid options."""

from __future__ import annotations

from collections.abc import Callable

from oscbridge.bridge.config.port_conflicts import listens_of_endpoint
from oscbridge.contract.abilities import SharesMedium
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.options import Options
from oscbridge.failures import defined_at, failure_text

__all__ = ["bug_of"]


def bug_of(factory: type[AnyEndpoint], options: Options) -> str:
    """The method that fails, with the place; empty if none does.

    Later calls with the same options are assumed to succeed.
    """
    questions: list[tuple[Callable[..., object], Callable[[], object]]] = [
        (options.udp_listen, lambda: list(listens_of_endpoint("", options)))
    ]
    if issubclass(factory, SharesMedium):
        questions.append((factory.media, lambda: set(factory.media(options))))
    for method, ask in questions:
        try:
            ask()
        except BaseException as error:
            return f"{method.__qualname__} failed: {failure_text(error, defined_at(method))}"
    return ""
