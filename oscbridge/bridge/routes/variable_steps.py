"""The steps edge and set of a route, and the lock under which it reads variables."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TypeAlias

from oscbridge.bridge.routes.carried_values import CarriedValues
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.expression_steps import ExpressionSteps
from oscbridge.bridge.routes.out import Out
from oscbridge.bridge.routes.stateful_steps.step import StateBounds
from oscbridge.bridge.routes.variables import Value, Variables
from oscbridge.errors import MessageDropped
from oscbridge.expressions.expression import Args, Context, Let
from oscbridge.osc import Message
from oscbridge.templates.expression_maker import ExpressionMaker

__all__ = ["VariableSteps", "bind_set"]

Decision: TypeAlias = Callable[[Args, Let], str]
"""What filters a message out, empty if it passes. It assigns what ``set`` says."""


class VariableSteps:
    """Runs ``when``, ``edge`` and ``set`` of one route. They need the bridge process.

    The addresses for which ``edge`` keeps the last condition are bounded by ``states``.
    """

    def __init__(self, config: RouteConfig, variables: Variables, states: StateBounds) -> None:
        self._edge = config.edge
        self._variables = variables
        self._states = states
        self._last: OrderedDict[str, bool] = OrderedDict()

    @property
    def values(self) -> Mapping[str, Value]:
        """The variables as expressions read them: always the same mapping."""
        return self._variables.values

    def bind(self, steps: ExpressionSteps, context: Context) -> Decision:
        """What to call with each message to an address, under the lock.

        Raises :class:`~oscbridge.MessageDropped`, as it.
        """
        passes = steps.bind_when(context)
        assign = bind_set(steps, context, self._variables)
        address, is_edge = context.address, None if self._edge is None else self._is_edge

        def decide(args: Args, let: Let) -> str:
            if passes is not None:
                now = passes(args, let)
                if is_edge is None:
                    if not now:
                        return "when"
                elif not is_edge(address, bool(now)):
                    return "edge"
            if assign is not None:
                assign(args, let)
            return ""

        return decide

    def running(
        self,
        evaluate: Callable[[Args], Let],
        decide: Decision,
        make: ExpressionMaker | None,
        out: Out,
        counts: RouteCounts,
        carried: CarriedValues | None,
        drop: Callable[[str, str], None],
    ) -> Out:
        """What to call with each message: ``let``, the decision, and ``send`` see one state.

        ``make`` makes the new message, None for an unchanged one. ``drop`` counts and reports a
        lost one, with the reason and a line about it.
        """
        lock, values = self._variables.lock, self.values

        def run(message: Message) -> None:
            _, _, args, timetag, origin = message
            new = message
            try:
                with lock:
                    let = evaluate(args)
                    step = decide(args, let)
                    if carried is not None and not step:
                        carried.keep(let, values)
                    if not step and make is not None:
                        new = Message(*make(args, let), timetag, origin)
            except MessageDropped as error:
                drop(error.reason, str(error))
                return
            if step:
                counts.filter(step)
            else:
                out(new)

        return run

    def _is_edge(self, address: str, now: bool) -> bool:
        """Whether the condition has changed there. Before the first message it is false."""
        before = self._last.get(address, False)
        if now == before and address in self._last:
            self._last.move_to_end(address)
        else:
            self._states.remember(self._last, address, now)
        return now != before and self._edge in ("both", "rising" if now else "falling")


def bind_set(
    steps: ExpressionSteps, context: Context, variables: Variables
) -> Callable[[Args, Let], None] | None:
    """What assigns the variables, None without ``set``. To be called under the lock.

    Raises :class:`~oscbridge.MessageDropped`, as it; then it assigns nothing.
    """
    if not steps.set:
        return None
    bound = [(name, expression, expression.bind(context)) for name, expression in steps.set]

    def assign(args: Args, let: Let) -> None:
        values: dict[str, Value] = {}
        for name, expression, call in bound:
            try:
                values[name] = variables.checked(name, call(args, let))
            except Exception as error:
                raise expression.failure(error, context, args, let, f"set {name}") from None
        variables.assign(values)

    return assign
