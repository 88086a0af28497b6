"""What an expected message matches."""

from __future__ import annotations

import pytest

from oscbridge.bridge.simulation.message_pattern import MessagePattern
from oscbridge.osc.message_text import read_message_text


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("/a", "/a"),
        ("*", "/a/b 1 x"),
        ("* 1", "/a/b 1"),
        ("/ch/*/fader *", "/ch/3/fader 0.5 1"),
        ("/ch/*/fader *", "/ch/3/fader"),
        ("/ch/{1,2}", "/ch/2"),
        ("/a _ 2", "/a x 2"),
        ("/a 0.1", "/a 0.1"),
        ("/a 0.30000000000000004", "/a 0.3"),
        ("/a 1", "/a ,h 1"),
        ("/a 0.5", "/a ,d 0.5"),
        ("/a ~0.5", "/a 0.504"),
        ("/a ~64", "/a 64.3"),
        ("/a ~0", "/a 0.0009"),
        ("/a 0.5±0.01", "/a 0.5099"),
        ("/a -0.5+-0.1", "/a -0.41"),
        ("/a 0.5+/-0.1", "/a 0.6"),
        ("/a inf±1", "/a inf"),
        ("/a nan", "/a nan"),
        ("/a true nil impulse", "/a true nil impulse"),
        ("/a 'two words' word", '/a "two words" word'),
        ('/a "*" "_" "~1"', "/a '*' '_' '~1'"),
        ("/a ,s ~x", '/a "~x"'),
        ("/a ,s 5±1", '/a "5±1"'),
        ("/a a+-b", "/a a+-b"),
        ("/a ,if 1 _", "/a 1 0.5"),
        ("/a ,if *", "/a 1 0.5"),
        ("/a ,if 1 *", "/a 1 0.5"),
        ("/a ,ifT ~1 0.5±1", "/a 1 0.0 true"),
        ("/a ,[ii] 1 2", "/a ,[ii] 1 2"),
        ("/a ,[if] _ _", "/a ,[if] 1 2"),
        ("/a ,[if] 1 0.1", "/a ,[if] 1 0.1"),
        ("/a ,b 00ff", "/a ,b 00ff"),
        ("/a[x]", "/ax"),
    ],
)
def test_message_matches(pattern: str, message: str) -> None:
    assert MessagePattern(pattern).difference(read_message_text(message)) == ""


@pytest.mark.parametrize(
    ("pattern", "message", "difference"),
    [
        ("/a", "/b", "another address"),
        ("/ch/*", "/ch/1/2", "another address"),
        ("/a", "/a 1", "1 argument"),
        ("/a 1 2", "/a", "no arguments"),
        ("/a 1 2", "/a 1 2 3", "3 arguments"),
        ("/a _", "/a", "no arguments"),
        ("/a 1 *", "/a 2", "argument 1 is 2 (i)"),
        ("/a 64", "/a 64.0", "argument 1 is 64.0 (f)"),
        ("/a 64.0", "/a 64", "argument 1 is 64 (i)"),
        ("/a 1", "/a true", "argument 1 is true (T)"),
        ("/a ~1", "/a true", "argument 1 is true (T)"),
        ("/a ~1", "/a nan", "argument 1 is nan (f)"),
        ("/a 0.5", "/a 0.50001", "argument 1 is 0.50001 (f)"),
        ("/a ~0.5", "/a 0.51", "argument 1 is 0.51 (f)"),
        ("/a x 1", '/a x "1"', 'argument 2 is "1" (s)'),
        ("/a ,i 1", "/a ,h 1", "the types are 'h'"),
        ("/a ,if *", "/a 1", "the types are 'i'"),
        ("/a ,[if] 1 0.5", "/a ,[if] 1 0.4", "argument 1 is [1 0.4] ([if])"),
    ],
)
def test_difference_is_named(pattern: str, message: str, difference: str) -> None:
    assert MessagePattern(pattern).difference(read_message_text(message)) == difference


def test_address_alone_stands_for_any_arguments_if_wanted() -> None:
    pattern = MessagePattern("/a", any_arguments=True)
    assert pattern.difference(read_message_text("/a 1 2")) == ""
    assert MessagePattern("/a ,", any_arguments=True).difference(read_message_text("/a 1")) != ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "missing address; write * for any message"),
        ("a", "address must start with '/' or be '*', got 'a'"),
        ("/a[", "unclosed '['"),
        ("/a * 1", "'*' stands for all remaining arguments; write _ for a single one"),
        ("/a 0.5±x", "invalid tolerance in '0.5±x'"),
        ("/a 0.5±-1", "invalid tolerance"),
        ("/a 0.5±inf", "invalid tolerance"),
        ("/a ~x", "invalid number in '~x'; expected for example ~0.5, or quotes around text"),
        ("/a ~", "invalid number in '~'"),
        ("/a ,f ~x", "invalid number in '~x'"),
        ("/a 5±", "invalid tolerance in '5±'"),
        ("/a 5+-", "invalid tolerance in '5+-'"),
        ("/a 5 ± 1", "invalid number in '±'; expected for example 0.5±0.01, or quotes around text"),
        ("/a x±1", "invalid number in 'x±1'"),
        ("/a ,if 1", "missing argument for type tag 'f'"),
        ("/a ,i 1 2", "more arguments than type tags"),
        ("/a ,i x", "'x' does not fit type tag 'i'"),
        ("/a 'x", "quote"),
    ],
)
def test_invalid_pattern_names_the_problem(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        MessagePattern(text)
    assert problem in str(caught.value)
