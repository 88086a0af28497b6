"""The targets of an endpoint that have a name, which may get another address."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine

import oscbridge

__all__ = ["NamedTargets"]


class NamedTargets:
    """Looks their names up again while the endpoint is connected.

    ``start_task`` is that of the endpoint; ``on_move`` is called when a target has another address.
    """

    def __init__(
        self,
        log: logging.Logger,
        start_task: Callable[[Coroutine[object, object, None]], object],
        on_move: Callable[[], None],
    ) -> None:
        self._log = log
        self._start_task = start_task
        self._on_move = on_move
        self._names: dict[str, oscbridge.TargetName] = {}
        self._watched: set[str] = set()
        """Those that are looked up regularly."""

    def begin(self) -> None:
        """The endpoint connects: none of its tasks runs."""
        self._watched.clear()

    def use(self, target: str, to: oscbridge.HostPort, address: tuple[str, int]) -> None:
        """Note the address that is used for a target from now on; watch its name if it has one."""
        name = self._names.get(target)
        if name is None:
            name = oscbridge.TargetName.of(to, self._log, self._moved)
            if name is None:
                return
            self._names[target] = name
        name.use(address)
        if target not in self._watched:
            self._watched.add(target)
            self._start_task(name.watch(is_periodic=True, is_family_fixed=True))

    def _moved(self, _address: oscbridge.ClientAddress) -> None:
        self._on_move()

    def look_up(self, target: str) -> None:
        """Look the name of a target up soon."""
        if (name := self._names.get(target)) is not None:
            name.look_up_soon()

    def look_up_all(self) -> None:
        for target in self._names:
            self.look_up(target)
