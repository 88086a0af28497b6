"""Expressions in the options of a route for an endpoint."""

from __future__ import annotations

import pytest
from pydantic import ValidationInfo, field_validator

import oscbridge
from oscbridge import ConfigurationError
from oscbridge.bridge.config.config import parse


class TextRoute(oscbridge.Options):
    text: str = ""

    @field_validator("text")
    @classmethod
    def _is_template(cls, value: str, info: ValidationInfo) -> str:
        oscbridge.check_template(oscbridge.Template.parse(value, expressions=True), info)
        return value


class TextSynth(oscbridge.Endpoint[oscbridge.Options, oscbridge.Delivery[TextRoute]]):
    async def send(self, delivery: oscbridge.Delivery[TextRoute]) -> None:
        pass


TYPES = {"synth": TextSynth}


@pytest.mark.parametrize(
    ("route", "text"),
    [
        ('synth = { text = "{= m + 1}" }', "synth.text = '{= m + 1}': unknown name 'm'"),
        ('synth = { text = "{m}" }', "unknown placeholder {m}"),
        ('synth = { text = "{= foo(x)}" }', "unknown function 'foo'"),
        (
            'types = "f"\nsynth = { text = "{= y}" }',
            "{= y} fails for messages of types 'f': messages have 1 argument",
        ),
        (
            'send = "/b text"\nsynth = { text = "{= x * 0.5}" }',
            "{= x * 0.5} fails for messages of types 's'",
        ),
        ('let = { db = "x" }\nsynth = { text = "{= dbs}" }', "unknown name 'dbs'"),
        ('synth = { text = "{= x * var.gian}" }', "unknown variable 'gian'"),
        ('match = "/{len}"\nsynth = { text = "{= x}" }', "capture 'len' is a function"),
    ],
)
def test_problem_of_an_expression_in_the_options_is_reported(route: str, text: str) -> None:
    match = "" if "match" in route else 'match = "/a/{n}"\n'
    table = f'[[route]]\nfrom = "stage"\nto = "synth"\n{match}{route}\n'
    with pytest.raises(ConfigurationError) as failed:
        parse(f'[bridge.stage]\n[endpoint.synth]\ntype = "synth"\n{table}', TYPES, "a.toml")
    assert text in str(failed.value)


def test_problem_of_let_is_reported_once() -> None:
    route = 'from = "stage"\nto = "synth"\nlet = { len = "x" }\nsynth = { text = "{= x}" }\n'
    with pytest.raises(ConfigurationError) as failed:
        parse(f'[bridge.stage]\n[endpoint.synth]\ntype = "synth"\n[[route]]\n{route}', TYPES, "a")
    assert str(failed.value).count("\n") == 0
    assert "let.len" in str(failed.value)


@pytest.mark.parametrize(
    "route", ['text = "{= y}"', 'text = "{= n * 2 + x}"', 'text = "{n} {= len(args)}"']
)
def test_expression_in_the_options_is_known_to_the_route(route: str) -> None:
    table = f'[[route]]\nfrom = "stage"\nto = "synth"\nmatch = "/{{n}}"\nsynth = {{ {route} }}\n'
    text = f'[bridge.stage]\n[endpoint.synth]\ntype = "synth"\n{table}'
    (config,) = parse(text, TYPES, "a.toml").routes
    ((key, placeholder),) = config.expressions["synth"]
    assert (key, str(placeholder) in route) == ("text", True)
