"""Routes that a plugin declares or registers: from a match straight to one endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from oscbridge.bridge.routes.functions import checked, several
from oscbridge.bridge.routes.out import Out
from oscbridge.bridge.routes.route_sink import RouteSink, offer_to
from oscbridge.contract.options import Options
from oscbridge.contract.source import RouteFunction
from oscbridge.failures import failure_text
from oscbridge.osc import Message
from oscbridge.osc.pattern import is_pattern

__all__ = ["DirectRoute"]


class DirectRoute:
    """A handler of a dispatcher (a ``Bindable``) that hands messages to one sink.

    Without a function it costs no more than the sink's own ``offer``. What a function raises
    is for the dispatcher, which counts and reports it.
    """

    def __init__(
        self,
        sink: RouteSink,
        types: str | None = None,
        function: RouteFunction | None = None,
        options: Options | None = None,
    ) -> None:
        self.sink = sink
        self._types = types
        self._function = function
        self._options = options

    def __repr__(self) -> str:
        return f"<route to {self.sink.name}>"

    def bind(self, address: str, types: str | None, captures: Mapping[str, str]) -> Out | None:
        """What to call with every message to this address and with these type tags.

        None for address patterns where the match captures, as in a ``[[route]]``.
        """
        if captures and is_pattern(address):
            return None
        if self._types is not None and (types or "") != self._types:
            return None
        offer, function = offer_to(self.sink, self._options, captures), self._function
        if function is None:
            return offer

        def run(message: Message) -> None:
            try:
                made = function(message)
                for each in () if made is None else several(made):
                    offer(checked(each, message))
            except Exception:
                raise
            except BaseException as error:  # would stop the source, not only this message
                raise RuntimeError(failure_text(error)) from error

        return run
