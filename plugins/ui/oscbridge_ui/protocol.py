"""The messages of the WebSocket, subprotocol ``oscbridge.ui.1``: JSON, one object per message.

The client sends :class:`Hello` first, and gets :class:`Welcome` or :class:`Denied`. Then it
watches topics: of each it gets a snapshot, then what has changed, at most :data:`MAX_RATE` times
per second. A command has an ``id`` that its :class:`Answer` repeats. ``web/src/protocol.ts`` is
made from these models by ``python -m oscbridge_ui.typescript``; a test compares them.
"""

from __future__ import annotations

from oscbridge_ui.client_messages import *  # noqa: F403
from oscbridge_ui.editing.messages import *  # noqa: F403
from oscbridge_ui.protocol_base import *  # noqa: F403
from oscbridge_ui.server_messages import *  # noqa: F403
