"""The view Devices of one page: its messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from oscbridge import AccessGrant, OSCBridgeError
from oscbridge.monitoring import Operations, why_not_edit
from oscbridge_ui.devices.messages import LookForDevices, TestEndpoint, WatchDevices
from oscbridge_ui.devices.topic import DevicesTopic
from oscbridge_ui.page_view import PacedView, PageHandle
from oscbridge_ui.server_messages import Answer

__all__ = ["DevicesView"]

TOPIC: Final = "devices"

RATE: Final = 10.0
"""Messages per second, on average over a second; a page that sends more waits."""


class DevicesView(PacedView):
    """Looks for devices, and tests endpoints."""

    def __init__(self, page: PageHandle, operations: Operations) -> None:
        super().__init__(page, RATE)
        self._operations = operations

    @property
    def messages(self) -> Sequence[type[BaseModel]]:
        return (WatchDevices, LookForDevices, TestEndpoint)

    async def handle(self, message: BaseModel, grant: AccessGrant) -> None:
        denied = why_not_edit(grant)
        if isinstance(message, WatchDevices):
            if not denied:
                self._page.watch(TOPIC, DevicesTopic(self._operations, self._page.wake))
            return
        assert isinstance(message, LookForDevices | TestEndpoint)
        text, error = "", denied
        if not denied:
            try:
                text = self._run(message)
            except OSCBridgeError as found:
                error = str(found)
        self._page.answer(Answer(id=message.id, error=error, text=text))

    def _run(self, message: LookForDevices | TestEndpoint) -> str:
        """Carry out a command. Raises :class:`OSCBridgeError`."""
        if isinstance(message, LookForDevices):
            self._operations.devices.nearby.look_again()
            return ""
        return self._operations.devices.send_test(message.name, message.test)

    def access_changed(self, grant: AccessGrant) -> None:
        if why_not_edit(grant):
            self._page.end(TOPIC)
