"""Routes to endpoints that can send nothing."""

from __future__ import annotations

import pytest

import oscbridge
from oscbridge.bridge.config.config import parse


class LampSinkOptions(oscbridge.Options):
    """Its keys."""

    output: str = ""


class LampSink(oscbridge.Endpoint[LampSinkOptions]):
    """Needs an output to be a sink."""

    async def send(self, message: oscbridge.Message) -> None:
        """Send nothing."""

    @classmethod
    def sink_problem(cls, options: LampSinkOptions, /) -> str:
        return "" if options.output else "it has no output; add output = ..."


class BrokenSink(oscbridge.Endpoint[LampSinkOptions]):
    """Cannot say."""

    error: BaseException = RuntimeError("oh")

    async def send(self, message: oscbridge.Message) -> None:
        """Send nothing."""

    @classmethod
    def sink_problem(cls, options: LampSinkOptions, /) -> str:
        raise cls.error


class BrokenRoutedSink(oscbridge.Endpoint[LampSinkOptions, oscbridge.Delivery[LampSinkOptions]]):
    """Cannot say it of a route either."""

    async def send(self, delivery: oscbridge.Delivery[LampSinkOptions]) -> None:
        """Send nothing."""

    @classmethod
    def sink_problem(cls, options: LampSinkOptions, /) -> str:
        raise SystemExit

    @classmethod
    def route_problem(cls, options: LampSinkOptions, route: LampSinkOptions, /) -> str:
        raise SystemExit


TYPES = {"lamp": LampSink, "broken": BrokenSink}


def problem(endpoint: str) -> str:
    text = f"[bridge.osc]\n[endpoint.one]\n{endpoint}\n[[route]]\nfrom = 'osc'\nto = 'one'\n"
    try:
        parse(text, TYPES, "show.toml")
    except oscbridge.OSCBridgeError as error:
        return str(error)
    return ""


def test_route_to_a_sink_without_output_is_a_problem() -> None:
    assert "route 1: to = 'one': it has no output; add output = ..." in problem('type = "lamp"')


def test_route_to_a_sink_with_output_is_none() -> None:
    assert problem('type = "lamp"\noutput = "x"') == ""


@pytest.mark.parametrize("error", [RuntimeError("oh"), SystemExit("oh")], ids=repr)
def test_plugin_that_fails_is_named(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BrokenSink, "error", error)
    found = problem('type = "broken"')
    assert f"BrokenSink.sink_problem failed: {type(error).__name__}: oh" in found


@pytest.mark.parametrize("answer", [None, 7])
def test_answer_other_than_text_is_a_bug_of_the_plugin(
    answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BrokenSink, "sink_problem", lambda _options: answer)
    found = problem('type = "broken"')
    assert f"BrokenSink.sink_problem must return text, got {answer}" in found
    assert "endpoint.one: its plugin is broken" in found


@pytest.mark.parametrize("keys", ["", "broken_routed = {}\n"])
def test_bridge_runs_with_a_plugin_that_cannot_answer(keys: str) -> None:
    types = {"broken_routed": BrokenRoutedSink}
    text = "[bridge.osc]\n[endpoint.one]\ntype = 'broken_routed'\n[[route]]\nfrom = 'osc'\n"
    text += f"to = 'one'\n{keys}"
    assert parse(text, types, "show.toml", allow_broken=True).endpoints["one"]


class LampRoute(oscbridge.Options):
    """Its keys in a route."""

    level: int = 0


class RoutedLamp(oscbridge.Endpoint[LampSinkOptions, oscbridge.Delivery[LampRoute]]):
    """Needs an output for levels."""

    async def send(self, delivery: oscbridge.Delivery[LampRoute]) -> None:
        """Send nothing."""

    @classmethod
    def route_problem(cls, options: LampSinkOptions, route: LampRoute, /) -> str:
        if route.level > 9:
            raise RuntimeError("oh")
        return "level needs an output" if route.level and not options.output else ""


@pytest.mark.parametrize(
    ("endpoint", "level", "expected"),
    [
        ("", 1, "route 1: routed: level needs an output"),
        ('output = "x"', 1, ""),
        ("", 0, ""),
        ("", 10, "RoutedLamp.route_problem failed: RuntimeError: oh"),
    ],
)
def test_options_of_a_route_are_compared_with_those_of_the_endpoint(
    endpoint: str, level: int, expected: str
) -> None:
    text = f'[bridge.osc]\n[endpoint.one]\ntype = "routed"\n{endpoint}\n[[route]]\nfrom = "osc"\n'
    text += f'to = "one"\nrouted = {{ level = {level} }}\n'
    found = ""
    try:
        parse(text, {"routed": RoutedLamp}, "show.toml")
    except oscbridge.OSCBridgeError as error:
        found = str(error)
    assert (expected in found) if expected else not found
