"""The public names with their parameters: ``python tests/support/public_api.py --update``.

``docs/public-api-1.txt`` lists those of version 1 of the contract. ``--update`` adds new ones; it
never removes or changes one, as that would break plugins: deprecate it
(oscbridge/contract/deprecations.py), or raise ``Endpoint.api``, which starts a new list.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import oscbridge
import oscbridge.testing
import oscbridge.testing.conformance
from oscbridge.contract import hooks

ROOT = Path(__file__).parents[2]
LIST = ROOT / "docs" / f"public-api-{oscbridge.Endpoint.api}.txt"

EMPTY = inspect.Parameter.empty
MODULES = (oscbridge, oscbridge.testing, oscbridge.testing.conformance)
MADE_BY_THE_BRIDGE = {
    *(oscbridge.RouteInfo, oscbridge.Sink, oscbridge.Source, oscbridge.testing.ConfiguredTest),
    *(oscbridge.testing.EndpointStatus, oscbridge.testing.RunningBridge),
}
"""Classes that plugins only read."""


def public_api() -> dict[str, str]:
    """The parameters, or the kind, of each public name."""
    found: dict[str, str] = {}
    for module in MODULES:
        for name in module.__all__:
            found |= dict(_described(f"{module.__name__}.{name}", getattr(module, name)))
    for name, value in vars(hooks).items():
        if name.startswith(f"{hooks.PROJECT}_"):
            found[f"hook {name}"] = _parameters(value)
    return dict(sorted(found.items()))


def _described(name: str, value: object) -> Iterator[tuple[str, str]]:
    if not inspect.isclass(value):
        yield name, _parameters(value) if inspect.isroutine(value) else "value"
        return
    yield name, f"class{_parameters(value) if _is_constructed(value) else ''}"
    own = [
        each
        for each in value.__mro__
        if each.__module__.startswith("oscbridge") and (each is value or not _is_public(each))
    ]
    members = {member: each for kind in reversed(own) for member, each in vars(kind).items()}
    for kind in own:
        members |= {key: None for key in getattr(kind, "__annotations__", {}) if key not in members}
    for member, each in members.items():
        if member.startswith("_"):
            continue
        function = getattr(each, "__func__", each)
        text = _parameters(function) if inspect.isfunction(function) else "attribute"
        yield f"{name}.{member}", text


def _is_constructed(kind: type) -> bool:
    """Whether plugins make objects of a class with its parameters."""
    is_model = issubclass(kind, oscbridge.Options)  # those of its fields
    is_ours = kind.__module__.startswith("oscbridge") and not getattr(kind, "_is_protocol", False)
    return is_ours and not is_model and kind not in MADE_BY_THE_BRIDGE


def _is_public(kind: type) -> bool:
    return any(getattr(each, kind.__name__, None) is kind for each in MODULES)


def _parameters(value: object) -> str:
    try:
        parameters = inspect.signature(value).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "()"
    return f"({', '.join(_parameter(each) for each in parameters)})"


def _parameter(parameter: inspect.Parameter) -> str:
    mark = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    kind = " keyword" if parameter.kind is parameter.KEYWORD_ONLY else ""
    return f"{mark}{parameter.name}{kind}{'' if parameter.default is EMPTY else '='}"


def listed() -> dict[str, str]:
    """The list as it is."""
    if not LIST.exists():
        return {}
    lines = LIST.read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def broken() -> list[str]:
    """What a plugin may use and would not find any more, one per line."""
    now = public_api()
    return [
        f"{name}{'' if name in now else ' is gone'}: was {text}, is {now.get(name)}"
        for name, text in listed().items()
        if name not in now or not _is_compatible(text, now[name])
    ]


def _is_compatible(old: str, new: str) -> bool:
    """Whether calls that fit ``old`` fit ``new``: parameters were only added, with defaults."""
    if old.partition("(")[0] != new.partition("(")[0]:
        return False
    before, now = (each.partition("(")[2].rstrip(")").split(", ") for each in (old, new))
    return [each for each in now if each in before or not each.endswith("=")] == before


def main() -> int:
    """Print the broken names, or write the list. Exit code: 1 if any is broken."""
    problems = broken()
    for line in problems:
        print(line)
    if not problems and "--update" in sys.argv[1:]:
        head = f"# The public names of version {oscbridge.Endpoint.api} of the plugin contract,\n"
        head += '# with their parameters; "=" has a default. Written by a program, see its test.\n'
        body = (f"{name}: {text}\n" for name, text in public_api().items())
        LIST.write_text(head + "".join(body))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
