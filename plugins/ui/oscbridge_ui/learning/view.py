"""The view Learn of one page: its messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from oscbridge import AccessGrant, OSCBridgeError
from oscbridge.monitoring import Operations, why_not_edit
from oscbridge_ui.learning.messages import (
    AddressesAnswer,
    FindAddresses,
    LearnAgain,
    LearnChoose,
    LearnOptions,
    LearnTarget,
    LearnTest,
    OfferedAddress,
    WatchLearning,
)
from oscbridge_ui.learning.topic import LearningTopic
from oscbridge_ui.page_view import PacedView, PageHandle
from oscbridge_ui.server_messages import Answer

__all__ = ["TOPIC", "LearningView"]

TOPIC: Final = "learning"

RATE: Final = 30.0
"""Messages per second, on average over a second; a page that sends more waits."""

MAX_FOUND: Final = 50
"""Addresses of one answer."""


class LearningView(PacedView):
    """Begins a session, and passes on what the user chooses."""

    def __init__(self, page: PageHandle, operations: Operations) -> None:
        super().__init__(page, RATE)
        self._operations = operations

    @property
    def messages(self) -> Sequence[type[BaseModel]]:
        return (
            WatchLearning,
            LearnChoose,
            LearnTarget,
            LearnAgain,
            LearnOptions,
            LearnTest,
            FindAddresses,
        )

    async def handle(self, message: BaseModel, grant: AccessGrant) -> None:
        denied = why_not_edit(grant)
        if isinstance(message, WatchLearning):
            if not denied:
                self._page.watch(TOPIC, LearningTopic(self._operations, self._page.wake))
            return
        number: int = getattr(message, "id", 0)
        try:
            if denied:
                raise OSCBridgeError(denied)
            topic = self._page.topic(TOPIC)
            if not isinstance(topic, LearningTopic):
                raise OSCBridgeError("nothing is being learned; open the view again")
            if isinstance(message, FindAddresses):
                self._page.answer(_found(topic, message))
                return
            text, error = _run(topic, message), ""
        except OSCBridgeError as found:
            text, error = "", str(found)
        self._page.answer(Answer(id=number, error=error, text=text))

    def access_changed(self, grant: AccessGrant) -> None:
        if why_not_edit(grant):
            self._page.end(TOPIC)


def _run(topic: LearningTopic, message: BaseModel) -> str:
    """Carry out a command. Raises :class:`OSCBridgeError`."""
    match message:
        case LearnChoose():
            topic.session.choose_named(message.key, message.role)
        case LearnTarget():
            topic.session.choose_target(message.part, message.address)
        case LearnAgain():
            topic.session.again(message.role)
        case LearnOptions():
            topic.use_options(message)
        case LearnTest():
            return f"Sent {topic.session.test(message.share)}"
    topic.look()
    return ""


def _found(topic: LearningTopic, message: FindAddresses) -> AddressesAnswer:
    found = topic.session.known_addresses(message.part, message.query)
    shown = [OfferedAddress(address=address, text=text) for address, text in found[:MAX_FOUND]]
    return AddressesAnswer(id=message.id, addresses=shown, total=len(found))
