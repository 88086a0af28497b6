"""The UDP clients under their python-osc names."""

from oscbridge.client.udp import DispatchClient, SimpleUDPClient, UDPClient
from oscbridge.lazy_names import lazy_names

__all__ = ["DispatchClient", "SimpleUDPClient", "UDPClient"]

__getattr__ = lazy_names(
    __name__,
    *("sys", "socket", "typing.Generator", "typing.Union", "collections.abc.Iterable"),
    *("oscbridge.dispatcher.Dispatcher", "oscbridge.osc_bundle.OscBundle"),
    *("oscbridge.osc_message.OscMessage", "oscbridge.osc_message_builder.ArgValue"),
    *("oscbridge.osc_message_builder.OscMessageBuilder",),
)
