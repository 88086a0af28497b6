"""Routes as people write them, also while they try things: none of them may be refused."""

from __future__ import annotations

import pytest

from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.endpoints.osc.endpoint import OSCEndpoint

ROUTES = {
    "everything": "",
    "a condition to try out": 'when = "True"',
    "a condition switched off": 'when = "False"',
    "a condition switched off in front": 'when = "False and x > 0.5"',
    "a condition switched on behind": 'when = "x > 0.5 or True"',
    "a number as a condition": 'when = "1"',
    "a comparison of numbers": 'when = "1 < 2"',
    "the first argument": 'when = "x"',
    "a threshold": 'when = "x > 0.5"',
    "a threshold in types": 'types = "f"\nwhen = "x > 0.5"',
    "a button press": 'types = "i"\nwhen = "x == 1"',
    "a button of true": 'when = "x == True"',
    "not a release": 'when = "not x == 0"',
    "an optional second argument": 'when = "len(args) > 1 and y > 0.5"',
    "an optional argument of fixed types": 'types = "f"\nwhen = "len(args) > 1 and y > 0.5"',
    "a guard that types makes superfluous": 'types = "ff"\nwhen = "len(args) == 2 and y > 0"',
    "a default for an argument": 'send = "/x {= y if len(args) > 1 else 0}"',
    "a default in fixed types": 'types = "f"\nsend = "/x {= y if len(args) > 1 else 0}"',
    "types compared": "when = \"types == 'ff'\"",
    "types compared with types set": 'types = "ff"\nwhen = "types == \'ff\'"',
    "types of two kinds": "when = \"types == 'f' and x > 0.5 or types == 's' and x == 'on'\"",
    "text compared with a number, of any types": "when = \"x == 'on' or x == 1\"",
    "text compared with a number, of one type": 'types = "i"\nwhen = "x == \'on\' or x == 1"',
    "text in a list": "when = \"x in ['go', 'stop']\"",
    "a constant in let": 'let = { threshold = "0.5" }\nwhen = "x > threshold"',
    "a switch in let": 'let = { debug = "1" }\nwhen = "debug and x > 0"',
    "a switch in let that is off": 'let = { debug = "0" }\nwhen = "debug or x > 0"',
    "a decimal comma": 'when = "x > 0,5"',
    "a level in dB": 'let = { db = "-90 + 100 * x ** 0.5" }\nsend = "/level {= db}"',
    "a logarithm that may fail": 'let = { db = "20 * log(x)" }\nsend = "/level {= db}"',
    "a division that may fail": 'send = "/x {= 1 / x}"',
    "a note of a scale": 'types = "i"\nsend = "/note {= [0, 2, 4, 5, 7][x - 60]}"',
    "a note of a text": 'types = "i"\nsend = "/note {= \'CDEFGAH\'[x - 60]}"',
    "an index from a capture": 'match = "/{n}"\nsend = "/x {= args[n]}"',
    "an index beyond the samples": 'types = "iff"\nsend = "/x {= args[x]}"',
    "a condition on a capture": 'match = "/1/fader{n}"\nwhen = "n <= 8"',
    "a capture compared with text": 'match = "/{page}/go"\nwhen = "page == \'main\'"',
    "a capture of digits compared with text": 'match = "/{n}/go"\nwhen = "n == \'1\'"',
    "an address compared": "when = \"address == '/go'\"",
    "an address compared with a fixed match": 'match = "/go"\nwhen = "address == \'/go\'"',
    "time of day": 'when = "now % 86_400 > 3_600"',
    "a variable": 'when = "var.armed"',
    "not a variable": 'when = "not var.armed"',
    "a variable compared with true": 'when = "var.armed == True"',
    "a variable compared with a number": 'when = "var.armed == 1"',
    "a variable compared with text": "when = \"var.armed == 'on'\"",
    "a scene": "when = \"var.scene == 'intro'\"",
    "a shift layer": 'when = "var.armed and x > 0"',
    "a shift layer of text": 'types = "s"\nwhen = "var.armed and x > 0"',
    "a toggle": 'types = "f"\nwhen = "x"\nset = { armed = "not var.armed" }',
    "a toggle with edge": 'when = "x > 0.5"\nedge = "rising"\nset = { armed = "not var.armed" }',
    "a counter": 'set = { level = "(var.level + 1) % 8" }\nsend = "/n {= var.level}"',
    "an encoder": 'set = { level = "clamp(var.level + x / 100, 0, 1)" }',
    "a scene number as text": 'set = { scene = "str(x)" }',
    "set to a constant": "set = { armed = true, level = 1 }",
    "edge while the condition is commented out": 'edge = "rising"',
    "hold": "hold = 0.8",
    "hold with its condition": 'when = "x > 0.5"\nhold = 0.8',
    "hold with a condition that lets releases pass": 'when = "x > 0.5 or x == 0"\nhold = 0.8',
    "hold and a cue": 'hold = 0.8\nsend = "/cue/1/start"',
    "hold of a message without arguments": 'types = ""\nhold = 0.8',
    "curve while scale is commented out": "curve = 2",
    "scale of text": 'types = "s"\nscale = [0, 1, 0, 127]',
    "scale of any types": "scale = [0, 1, 0, 127]",
    "scale downwards": "scale = [0, 1, 127, 0]",
    "scale with a condition": 'when = "x >= 0"\nscale = [0, 1, 0, 127]\nsend = "/c {= x : i}"',
    "all steps": 'types = "f"\nwhen = "x > 0"\nscale = [0, 1, 0, 1]\non_change = true\n'
    'limit = "30/s"\ndebounce = 0.1\ndelay = 0.5',
    "a type that cannot be tried": 'types = "t"\nwhen = "x > 0"',
    "an array": 'types = "[ff]"\nwhen = "x[0] > 0.5"',
    "a blob": 'types = "b"\nwhen = "len(x) > 4 and x[4] == 1"',
    "a colour": 'types = "r"\nwhen = "x > 0"',
    "a constant type": 'types = "T"\nwhen = "x"',
    "a constant type of two": 'types = "fT"\nwhen = "x > 1 and y"',
    "nil": 'types = "N"\nwhen = "x == None"',
    "an expression over lines": 'when = """\nx > 0.5\nand var.armed\n"""',
    "bits of a number": 'types = "i"\nwhen = "x & 4"',
    "a text joined": "send = \"/{= 'a' + str(x)}\"",
    "no target while it sends": 'set = { level = 1 }\nsend = "/x"',
}

NAMES_NO_TARGET = {"no target while it sends"}


def read(route: str, *, to: str = 'to = "out"') -> Configuration:
    return parse(
        '[bridge.in]\nlisten = "udp://127.0.0.1:9000"\n'
        '[endpoint.out]\ntype = "osc"\nto = "udp://127.0.0.1:9001"\n'
        '[variables]\narmed = false\nlevel = 0.5\nscene = "intro"\n'
        f'[[route]]\nfrom = "in"\n{to}\n{route}\n',
        {"osc": OSCEndpoint},
        "show.toml",
    )


@pytest.mark.parametrize("name", ROUTES)
def test_route_that_may_be_meant_is_accepted(name: str) -> None:
    to = "" if name in NAMES_NO_TARGET else 'to = "out"'
    assert len(read(ROUTES[name], to=to).routes) == 1
