"""The dispatcher under its python-osc name."""

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import Handler

__all__ = ["Dispatcher", "Handler"]
