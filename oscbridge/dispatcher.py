"""The dispatcher under its python-osc name."""

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import Handler
from oscbridge.lazy_names import lazy_names

__all__ = ["Dispatcher", "Handler"]

__getattr__ = lazy_names(
    __name__,
    *("asyncio", "collections", "inspect", "logging", "re", "time"),
    *("oscbridge.osc_packet", "typing.overload", "typing.List", "typing.Union"),
    *("typing.Any", "typing.AnyStr", "typing.Generator", "typing.Tuple"),
    *("typing.Callable", "typing.Optional", "typing.DefaultDict"),
    *("oscbridge.osc_message.OscMessage", "oscbridge.osc_message_builder.ArgValue"),
)
