"""A connection to the database of a spool: statements, transactions, and errors of our own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oscbridge.bridge.sinks.spool.files import translate_error

__all__ = ["SpoolConnection"]


class SpoolConnection:
    """An open file. For one thread; every method raises :class:`SpoolDatabaseError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._durable: bool | None = None
        with self._translated():
            self._database = sqlite3.connect(
                path, timeout=0.0, isolation_level=None, check_same_thread=False
            )

    def close(self) -> None:
        with self._translated():
            self._database.close()

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._database.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[None]:
        """All or nothing; if ``durable`` it survives a loss of power."""
        with self._translated():
            if durable is not self._durable:
                self._rows(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            self._rows("BEGIN IMMEDIATE")
            try:
                yield
                self._rows("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._rows("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise SQLite's errors as :class:`SpoolDatabaseError`."""
        try:
            yield
        except sqlite3.Error as error:
            raise translate_error(self.path, error) from error
