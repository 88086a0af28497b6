"""The pure steps of a route: types to function. They can run in any process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from oscbridge.bridge.routes.carried_values import CarriedValues
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.expression_steps import ExpressionSteps, scope_of
from oscbridge.bridge.routes.functions import (
    MAX_FROM_FUNCTION,
    Function,
    checked,
    load_function,
    several,
)
from oscbridge.bridge.routes.out import Out
from oscbridge.bridge.routes.relative import number_step
from oscbridge.errors import MessageDropped
from oscbridge.expressions.expression import Context, Let
from oscbridge.failures import failure_text
from oscbridge.osc import Message
from oscbridge.osc.pattern import Pattern, is_pattern
from oscbridge.templates.expression_maker import ExpressionMaker
from oscbridge.templates.message import MessageTemplate
from oscbridge.templates.placeholders import Args

if TYPE_CHECKING:  # a worker needs none
    from oscbridge.bridge.routes.variable_steps import VariableSteps

__all__ = ["PureSteps", "template_of"]

_log: Final = logging.getLogger(__name__)


class PureSteps:
    """The pure steps of one route, ready to be bound to heads.

    ``on_drop`` is called with the reason, one word, with a line about it, and with the error if
    the function raised one. ``let`` are the values of ``let`` if they are known already, and
    ``variables`` is there if the route needs the bridge process. Raises ``ValueError`` for a
    template, an expression or a function that cannot be used.
    """

    def __init__(
        self,
        config: RouteConfig,
        on_drop: Callable[[str, str, BaseException | None], None] | None = None,
        counts: RouteCounts | None = None,
        let: Let | None = None,
        variables: VariableSteps | None = None,
    ) -> None:
        self._config = config
        self.counts = RouteCounts() if counts is None else counts
        """Failed messages; with a function, also those that it filtered out or passed."""
        self.on_drop = on_drop or _show_failure
        captures = Pattern(config.match, mapped=True).captures
        self._scale = number_step(config)
        self._template = template_of(config)
        self._let = let
        self._variables = variables
        decides = config.let or config.set or config.when is not None
        has_expressions = decides or self._sends_expressions or config.carried
        self.carried = CarriedValues(config) if config.carried else None
        """Values for the expressions in options for endpoints, while ``out`` is called."""
        self._expressions = ExpressionSteps(config, captures) if has_expressions else None
        self._function = None if config.function is None else load_function(config.function)

    def bind(
        self, address: str, types: str | None, captures: Mapping[str, str], out: Out
    ) -> Out | None:
        """What to call with a message of this head; None if it is filtered out (:meth:`filter`).

        ``out`` is called with the resulting messages.
        """
        if self.filter(address, types, captures):
            return None
        tags = types or ""
        if self._function is not None:
            out = self._after_function(self._function, out)
        if self._expressions is None:
            return self._bind_steps(address, types, captures, out)
        values = {} if self._variables is None else self._variables.values
        context = Context(address, tags, captures, values)
        try:
            return self._bind_expressions(self._expressions, context, types, out)
        except MessageDropped as error:
            return self._dropping(error)

    def filter(self, address: str, types: str | None, captures: Mapping[str, str]) -> str:
        """What filters messages of this head out: ``pattern``, ``types``, or nothing.

        An address pattern would be captured as text, and not what it stands for.
        """
        if captures and is_pattern(address):
            return "pattern"
        wanted = self._config.types
        return "" if wanted is None or (types or "") == wanted else "types"

    @property
    def _sends_expressions(self) -> bool:
        return self._template is not None and bool(self._template.expressions)

    def _bind_expressions(
        self, steps: ExpressionSteps, context: Context, types: str | None, out: Out
    ) -> Out:
        """``let`` and ``when``, which see the original arguments, then the other steps."""
        known = self._let or ()
        evaluate = steps.bind_let(context) if self._let is None else None
        template, scale, make, rest = self._template, None, None, out
        if template is not None and self._sends_expressions:
            scaled = context
            if self._scale is not None and types is not None:
                tags, scale = self._scale.bind(types)
                scaled = replace(context, types=tags)
            make = template.bind_expressions(scaled)
        if make is None:
            rest = self._bind_steps(context.address, types, context.captures, out)
        carried, variables, counts = self.carried, context.variables, self.counts
        if self._variables is not None:
            maker = make if make is None or scale is None else _after_scale(scale, make)
            let = (lambda _args: known) if evaluate is None else evaluate
            decide = self._variables.bind(steps, context)
            return self._variables.running(let, decide, maker, rest, counts, carried, self.drop)
        condition = steps.when
        when = None if condition is None else condition.bind(context)

        def run(message: Message) -> None:
            _, _, args, timetag, origin = message
            try:
                let = known if evaluate is None else evaluate(args)
                if condition is not None and when is not None:
                    try:  # like bind_when, but without another call
                        passes = when(args, let)
                    except IndexError:
                        passes = False
                    except Exception as error:
                        raise condition.failure(error, context, args, let, "when") from None
                    if not passes:
                        counts.filter("when")
                        return
                if carried is not None:
                    carried.keep(let, variables)
                if make is None:
                    rest(message)
                    return
                address, tags, args = make(args if scale is None else scale(args), let)
            except MessageDropped as error:
                self.drop(error.reason, str(error))
                return
            rest(Message(address, tags, args, timetag, origin))

        return run

    def _bind_steps(
        self, address: str, types: str | None, captures: Mapping[str, str], out: Out
    ) -> Out:
        """``scale`` and ``send`` without expressions."""
        tags = types or ""
        if self._template is None and (self._scale is None or types is None):
            return out
        scale = None
        if self._scale is not None and types is not None:
            tags, scale = self._scale.bind(tags)
        if self._template is None:
            return self._running(address, tags, cast(Callable[[Args], Args], scale), out)
        try:
            to, tags, make = self._template.bind(address, tags, captures)
        except MessageDropped as error:
            return self._dropping(error)
        if isinstance(to, str):
            return self._running(to, tags, make if scale is None else _chain(scale, make), out)
        return self._running_to(to, scale, tags, make, out)

    def _running(self, address: str, types: str, make: Callable[[Args], Args], out: Out) -> Out:
        def run(message: Message) -> None:
            _, _, args, timetag, origin = message
            try:
                args = make(args)
            except MessageDropped as error:
                self.drop(error.reason, str(error))
                return
            out(Message(address, types, args, timetag, origin))

        return run

    def _running_to(
        self,
        to: Callable[[Args], str],
        scale: Callable[[Args], Args] | None,
        types: str,
        make: Callable[[Args], Args],
        out: Out,
    ) -> Out:
        """The same, where the address depends on the arguments."""

        def run(message: Message) -> None:
            _, _, args, timetag, origin = message
            try:
                if scale is not None:
                    args = scale(args)
                address = to(args)
                args = make(args)
            except MessageDropped as error:
                self.drop(error.reason, str(error))
                return
            out(Message(address, types, args, timetag, origin))

        return run

    def _dropping(self, error: MessageDropped) -> Out:
        reason, text = error.reason, str(error)

        def drop(message: Message) -> None:
            self.drop(reason, text)

        return drop

    def drop(self, reason: str, text: str, error: BaseException | None = None) -> None:
        """Count and report a lost message."""
        self.counts.fail(reason)
        self.on_drop(reason, text, error)

    def _after_function(self, function: Function, out: Out) -> Out:
        name, counts = self._config.function, self.counts

        def run(message: Message) -> None:
            # A function may raise anything, for example what cancels tasks: nobody but the bridge
            # may stop the bridge.
            count = 0
            try:
                made = function(message)
                for each in () if made is None else several(made):
                    if count >= MAX_FROM_FUNCTION:
                        text = f"{name} returned more than {MAX_FROM_FUNCTION} messages for one"
                        self.drop("too_many", text)
                        return
                    out(checked(each, message))
                    count += 1
            except BaseException as error:
                self.drop("function", f"{name} failed: {failure_text(error)}", error)
                return
            if count:
                counts.passed += 1
            else:
                counts.filter("function")

        return run


def template_of(config: RouteConfig) -> MessageTemplate | None:
    """The template of ``send``. Raises ``ValueError``."""
    if config.send is None:
        return None
    captures = Pattern(config.match, mapped=True).captures
    if "{=" not in config.send:  # then the names of captures may be those of functions
        return MessageTemplate(config.send, captures)
    return MessageTemplate(config.send, captures, scope_of(config, captures))


def _show_failure(_reason: str, text: str, error: BaseException | None) -> None:
    """Without ``on_drop``, log at least how a function failed."""
    if error is not None:
        _log.error("%s", text, exc_info=error)


def _chain(first: Callable[[Args], Args], second: Callable[[Args], Args]) -> Callable[[Args], Args]:
    return lambda args: second(first(args))


def _after_scale(scale: Callable[[Args], Args], make: ExpressionMaker) -> ExpressionMaker:
    return lambda args, let: make(scale(args), let)
