"""The tables of a spool in SQLite, and the statements on them."""

from __future__ import annotations

from typing import Final, NamedTuple

from oscbridge.bridge.sinks.spool.records import FORMAT

__all__ = [
    "CREATE",
    "CREATE_IDENTITY",
    "CREATE_RUNNING",
    "FORMAT_1",
    "MIGRATE",
    "NEWEST",
    "NEWEST_V1",
    "NEWEST_WRITTEN",
    "PROGRAM",
    "READ",
    "READ_IDENTITY",
    "SURPLUS",
    "USAGE",
    "SpoolUsage",
    "StoredBlock",
]

FORMAT_1: Final = 1
"""The first format: blocks without numbers and checksums, in a table ``pack``."""

PROGRAM: Final = int.from_bytes(b"OSCB", "big")
"""SQLite's application id of our databases."""

CREATE: Final = """
CREATE TABLE block (
    last INTEGER PRIMARY KEY, messages INTEGER NOT NULL, at REAL NOT NULL, body BLOB NOT NULL,
    format INTEGER NOT NULL DEFAULT 1);
CREATE TABLE progress (body BLOB NOT NULL);
"""

CREATE_RUNNING: Final = "CREATE TABLE IF NOT EXISTS running (body BLOB NOT NULL)"
"""How long bridges have run with the file. ``at`` of a block is the running time when it was
written; older files have Unix time there, from which their running time then counts."""

CREATE_IDENTITY: Final = "CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL)"
"""A random name of the file: with it the number of a message is unique."""

READ_IDENTITY: Final = "SELECT id FROM identity WHERE typeof(id) = 'text'"

MIGRATE: Final = """
ALTER TABLE pack RENAME TO block;
ALTER TABLE block ADD COLUMN format INTEGER NOT NULL DEFAULT 1;
CREATE TABLE progress (body BLOB NOT NULL);
DROP TABLE state;
"""
"""Takes no longer for a full file, and no room: blocks stay in format 1 until they are read."""

# Damage can change the type of any value but a key, also to NULL.
_MESSAGES: Final = "coalesce(CAST(messages AS INTEGER), 0)"
_BODY: Final = "coalesce(CAST(body AS BLOB), x'')"
_FORMAT: Final = "coalesce(CAST(format AS INTEGER), 0)"

READ: Final = f"""
SELECT last, {_MESSAGES}, {_BODY}, {_FORMAT} FROM block WHERE last > ? ORDER BY last LIMIT 1
"""

NEWEST: Final = f"""
SELECT last, {_MESSAGES}, substr({_BODY}, 1, ?), {_FORMAT} FROM block ORDER BY last DESC LIMIT 2
"""

NEWEST_V1: Final = f"""
SELECT last, {_MESSAGES}, substr({_BODY}, 1, ?), 1 FROM pack ORDER BY last DESC LIMIT 2
"""

NEWEST_WRITTEN: Final = "SELECT CAST(at AS REAL) FROM block ORDER BY last DESC LIMIT 1"

SURPLUS: Final = """
SELECT last, coalesce(CAST(at AS REAL), ?), coalesce(length(body), 0)
  FROM block WHERE last > ? ORDER BY last LIMIT ?
"""

USAGE: Final = """
SELECT (pages.page_count - free.freelist_count) * page.page_size,
       (SELECT CAST(at AS REAL) FROM block WHERE last > ? ORDER BY last LIMIT 1)
  FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS page
"""


class StoredBlock(NamedTuple):
    """Messages that were written together."""

    last: int
    """The number of the last of them."""
    messages: int
    body: bytes
    format: int = FORMAT


class SpoolUsage(NamedTuple):
    """How much a file holds."""

    used: int
    """Bytes of it that are in use."""
    oldest: float | None
    """When the oldest message was written, in seconds of running time."""
