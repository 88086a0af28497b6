"""The log of the programs: one line an event, with the part that it is about."""

from __future__ import annotations

import logging
from typing import Final

__all__ = ["configure_log"]

_ENDPOINT: Final = "oscbridge.endpoint."


class _Formatter(logging.Formatter):
    """Names the endpoint whose logger it is; the other loggers' messages name their part."""

    def format(self, record: logging.LogRecord) -> str:
        record = logging.makeLogRecord(record.__dict__)
        if record.name.startswith(_ENDPOINT):
            name = record.name.removeprefix("oscbridge.")
            record.msg, record.args = f"{name}: {record.getMessage()}", ()
        return super().format(record)


def configure_log(level: int = logging.INFO) -> None:
    """Write what happens, from a level on, to the standard error stream."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(handlers=[handler], level=level)
