"""Every public name of python-osc, and its signature, is available under the same name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType

import pytest

INSTANCE_ATTRIBUTES = {"OscMessageBuilder": {"address"}}
"""Those that the class itself need not have."""

MODULES = (
    *("dispatcher", "osc_bundle", "osc_bundle_builder", "osc_message", "osc_message_builder"),
    *("osc_packet", "osc_server", "osc_tcp_server", "slip", "tcp_client", "udp_client"),
    *("parsing.ntp", "parsing.osc_types"),
)


def pair(name: str) -> tuple[ModuleType, ModuleType]:
    return (
        importlib.import_module(f"pythonosc.{name}"),
        importlib.import_module(f"oscbridge.{name}"),
    )


def callables(name: str) -> Iterator[tuple[str, object, object]]:
    """The functions, classes and methods that a module of python-osc defines, and ours."""
    theirs, ours = pair(name)
    for each, value in vars(theirs).items():
        if each.startswith("_") or getattr(value, "__module__", "") != theirs.__name__:
            continue
        if not inspect.isclass(value):
            yield each, value, getattr(ours, each)
            continue
        yield each, value, getattr(ours, each)
        for method in vars(value):
            if not method.startswith("_") and callable(getattr(value, method)):
                own = getattr(getattr(ours, each), method)
                yield f"{each}.{method}", getattr(value, method), own


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_of_the_module_resolves(name: str) -> None:
    theirs, ours = pair(name)
    missing = [each for each in dir(theirs) if each[0] != "_" and not hasattr(ours, each)]
    assert missing == []


@pytest.mark.parametrize("name", MODULES)
def test_every_public_attribute_of_the_classes_exists(name: str) -> None:
    theirs, ours = pair(name)
    for each, value in vars(theirs).items():
        if inspect.isclass(value) and value.__module__ == theirs.__name__ and each[0] != "_":
            own = getattr(ours, each)
            missing = {attribute for attribute in dir(value) if attribute[0] != "_"} - set(dir(own))
            assert missing <= INSTANCE_ATTRIBUTES.get(each, set()), each


@pytest.mark.parametrize("name", MODULES)
def test_parameters_have_the_names_and_the_order_of_python_osc(name: str) -> None:
    for where, theirs, ours in callables(name):
        if inspect.isclass(theirs) and issubclass(theirs, Exception):
            continue
        expected = inspect.signature(theirs).parameters
        actual = inspect.signature(ours).parameters
        names = [each for each, parameter in expected.items() if parameter.kind < 2]
        assert list(actual)[: len(names)] == names, where
        for each in names:
            assert actual[each].default == expected[each].default, f"{where}({each})"
