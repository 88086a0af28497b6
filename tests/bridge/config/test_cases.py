"""The tables ``[[test]]``: their meaning and their problems."""

from __future__ import annotations

from pathlib import Path

import pytest

from oscbridge import ConfigurationError, Endpoint, Message
from oscbridge.bridge.config.case_models import MAX_MESSAGES
from oscbridge.bridge.config.cases import MAX_TESTS
from oscbridge.bridge.config.config import load, parse
from oscbridge.bridge.simulation.cases import Case
from oscbridge.osc.text import format_message


class Lamp(Endpoint):
    """A sink."""

    async def send(self, message: Message) -> None:
        pass


class Sensor(Endpoint):
    """A source only."""


TYPES = {"lamp": Lamp, "sensor": Sensor}
PARTS = """
[bridge.stage]
listen = "udp://127.0.0.1:9000"
[endpoint.web]
type = "lamp"
[endpoint.synth]
type = "lamp"
[endpoint.sensor]
type = "sensor"
"""


def cases(tests: str) -> list[Case]:
    return list(parse(PARTS + tests, TYPES, "show.toml", with_tests=True).tests)


def case(keys: str) -> Case:
    (found,) = cases(f'[[test]]\nname = "a"\n{keys}\n')
    return found


def problems(tests: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        cases(tests)
    return str(caught.value).splitlines()


def sent(found: Case) -> list[tuple[float, str, str]]:
    return [(each.at, each.source, format_message(each.message)) for each in found.sent]


NEVER = 'never = "web"\n'


def test_single_message_may_be_a_text_a_table_or_in_a_list() -> None:
    expected = [(0.0, "stage", "/a ,i 1")]
    for send in ('"/a 1"', '{ message = "/a 1" }', '["/a 1"]', '[{ message = "/a 1" }]'):
        assert sent(case(f'from = "stage"\nsend = {send}\n{NEVER}')) == expected


def test_time_and_source_of_a_message_have_defaults() -> None:
    found = case(f"""
        from = "stage"
        send = ["/a", {{ at = 1, message = "/b" }}, {{ from = "sensor", message = "/c" }}, "/d"]
        {NEVER}""")
    assert sent(found) == [
        (0.0, "stage", "/a ,"),
        (1.0, "stage", "/b ,"),
        (1.0, "sensor", "/c ,"),
        (1.0, "stage", "/d ,"),
    ]


def test_expected_message_is_a_text_or_a_table() -> None:
    found = case("""
        from = "stage"
        send = "/a"
        expect = ["synth /x  1", { at = 0.25, to = "web", message = "/y 2" }]
        never = ["web", "s* /x"]""")
    expected = [(each.to, each.pattern.text, each.at) for each in found.expected]
    assert expected == [("synth", "/x  1", None), ("web", "/y 2", 0.25)]
    forbidden = [(each.to, each.pattern.text, each.text) for each in found.forbidden]
    assert forbidden == [("web", "*", "web"), ("s*", "/x", "s* /x")]


def test_dots_stand_for_any_number_of_messages() -> None:
    found = case('from = "stage"\nsend = "/a"\nexpect = ["web ...", "web /x", "web …"]')
    assert [each.is_gap for each in found.expected] == [True, False, True]


def test_tests_are_read_only_if_wanted() -> None:
    text = PARTS + "[[test]]\nnonsense = 1\n"
    assert parse(text, TYPES, "show.toml").tests == []
    with pytest.raises(ConfigurationError):
        parse(text, TYPES, "show.toml", with_tests=True)


SEND = 'from = "stage"\nsend = "/a"\n'


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('from = "stag"\nsend = "/a"', "from = 'stag': no such bridge or endpoint; did you mean"),
        ('send = "/a"', "from: missing key: where the message comes from: stage, web, synth, sens"),
        ('from = "stage"', "send: missing key"),
        (SEND + 'now = "noon"', "now = 'noon': expected a date and time without quotes, e.g."),
        (SEND + "now = 2026-11-28", "now = 2026-11-28: expected a date and time without quotes"),
        (SEND + "now = 23:59:00", "now = 23:59:00: expected a date and time without quotes"),
        (SEND + "now = 0001-01-01T00:00:00", "now = 0001-01-01 00:00:00: expected a date and time"),
        ('from = "stage"\nsend = []', "send = []: expected at least one message, e.g."),
        ('from = "stage"\nsend = 1', "send = 1: expected a message in quotes, or a list of mess"),
        ('from = "stage"\nsend = "a"', "send = 'a': address must start with '/', got 'a'"),
        ('from = "stage"\nsend = ["/a", "/b \'"]', 'send.2 = "/b \'": unclosed or unexpected quo'),
        ('from = "stage"\nsend = { message = "b" }', "send.message = 'b': address must start"),
        (
            'from = "stage"\nsend = { message = "/b", fom = "stage" }',
            "send.fom: unknown key; did you mean 'from'?",
        ),
        ('from = "stage"\nsend = { message = "/b", at = -1 }', "send.at = -1: must be at least 0"),
        ('from = "stage"\nsend = { message = "/b", at = nan }', "send.at = nan: "),
        (
            'send = [{ message = "/b", from = "x" }]',
            "send.1.from = 'x': no such bridge or endpoint",
        ),
        (
            'from = "stage"\nsend = [{ message = "/b", at = 2 }, { message = "/b", at = 1 }]',
            "send.2.at = 1.0: earlier than the message before it, at 2; sort the messages by time",
        ),
        (SEND + 'expect = "synt /a"', "expect = 'synt': no such endpoint to send to; did you mean"),
        (SEND + 'expect = "sensor /a"', "expect = 'sensor': no such endpoint to send to; "),
        (SEND + 'expect = "stage /a"', "expect = 'stage': no such endpoint to send to; "),
        (SEND + 'expect = "/a 1"', "expect = '/a': missing endpoint; write it before the message"),
        (SEND + 'expect = "web"', "expect = 'web': missing address; write * for any message"),
        (SEND + 'expect = ["web /a", "web b"]', "expect.2 = 'b': address must start with '/' or"),
        (SEND + 'expect = { to = "web", message = "/a", x = 1 }', "expect.x: unknown key; "),
        (
            SEND + 'expect = { to = "web", message = "...", at = 1 }',
            "expect.at: has no meaning for any number of messages",
        ),
        (SEND + 'never = "w?bs"', "never = 'w?bs': no such endpoint to send to; "),
        (SEND + 'never = "web /a * 1"', "never = 'web /a * 1': '*' stands for all remaining"),
        (SEND + "never = 1", "never = 1: expected an endpoint in quotes, or a list"),
        (SEND, "nothing is tested; add 'expect' or 'never'"),
        (SEND + NEVER + 'expects = "web /a"', "expects: unknown key; did you mean 'expect'?"),
    ],
)
def test_problem_names_the_test_and_the_place(keys: str, problem: str) -> None:
    never = "" if "expect" in keys or "never" in keys or keys == SEND else NEVER
    (found,) = problems(f'[[test]]\nname = "fader 3"\n{keys}\n{never}')
    assert found.startswith(f"show.toml: test 1 (fader 3): {problem}")


@pytest.mark.parametrize(
    ("tests", "problem"),
    [
        ("test = 1", "test = 1: expected a list of tables; write [[test]]"),
        ("[test]\nname = 1", "test = {'name': 1}: expected a list of tables; write [[test]]"),
        (f"[[test]]\n{SEND}{NEVER}", "test 1: name: missing key"),
        (f'[[test]]\nname = " "\n{SEND}{NEVER}', "test 1 ( ): name = ' ': expected a name in one"),
        (
            f'[[test]]\nname = "a"\n{SEND}{NEVER}' * 2,
            "test 2 (a): name = 'a': duplicate: test 1 has it; rename one",
        ),
        (
            f'[[test]]\nname = "{"n" * 100}"\n{NEVER}from = "stage"',
            f"test 1 ({'n' * 39}…): send: missing key",
        ),
        ("[[test]]\n" * (MAX_TESTS + 1), f"test: more than {MAX_TESTS} tests"),
        (
            f'[[test]]\nname = "a"\n{NEVER}from = "stage"\nsend = {["/a"] * (MAX_MESSAGES + 1)}',
            "test 1 (a): send",
        ),
    ],
)
def test_problem_of_the_tables_is_named(tests: str, problem: str) -> None:
    text = f"{tests}\n{PARTS}" if tests.startswith("test =") else PARTS + tests
    with pytest.raises(ConfigurationError) as caught:
        parse(text, TYPES, "show.toml", with_tests=True)
    assert str(caught.value).startswith(f"show.toml: {problem}")


def test_all_problems_of_all_tests_are_named() -> None:
    found = problems(f'[[test]]\nname = "a"\n{NEVER}send = "x"\n[[test]]\nname = "b"\n{SEND}')
    assert [line.partition(":")[2].partition(":")[0] for line in found] == [
        " test 1 (a)",
        " test 2 (b)",
    ]


def test_tests_come_from_included_files(tmp_path: Path) -> None:
    test = f'[[test]]\nname = "{{}}"\n{SEND}{NEVER}'
    (tmp_path / "show.toml").write_text('include = "more.toml"\n' + PARTS + test.format("a"))
    (tmp_path / "more.toml").write_text(test.format("b"))
    found = load(tmp_path / "show.toml", TYPES, with_tests=True)
    assert [(each.number, each.name) for each in found.tests] == [(1, "a"), (2, "b")]
    (tmp_path / "more.toml").write_text(test.format("b") + "x = 1\n")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "show.toml", TYPES, with_tests=True)
    assert str(caught.value).startswith(f"{tmp_path}/more.toml: test 2 (b): x: unknown key")
