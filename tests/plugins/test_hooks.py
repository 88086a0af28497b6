"""Every hook has a contract, a test and a documentation page."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from doc_pages import shown

from oscbridge.contract import hooks as hookspecs

ROOT = Path(__file__).parents[2]
HOOKS = sorted(name for name in dir(hookspecs) if name.startswith("oscbridge_"))


def spec(hook: str) -> object:
    return getattr(hookspecs, hook)


def test_every_hook_like_name_is_a_hook() -> None:
    assert HOOKS
    for hook in HOOKS:
        assert hasattr(spec(hook), f"{hookspecs.PROJECT}_spec"), hook


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_has_a_contract(hook: str) -> None:
    first, *rest = inspect.cleandoc(spec(hook).__doc__ or "").split("\n\n")
    assert first.endswith(".")
    assert rest, f"{hook}: say what it returns and when it is called"


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_is_exercised_by_a_test(hook: str) -> None:
    """A test that exercises a hook implements it, in its own text or in a plugin that it writes."""
    tests = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/*/tests/**/test_*.py")]
    implemented = re.compile(rf"@oscbridge\.hookimpl\s*(\\n)?\s*def {hook}\(")
    assert any(implemented.search(test.read_text()) for test in tests), f"no test implements {hook}"


@pytest.mark.parametrize("hook", HOOKS)
def test_hook_is_documented(hook: str) -> None:
    parameters = ", ".join(inspect.signature(spec(hook)).parameters)  # type: ignore[arg-type]
    page = shown("reference/hooks.md")
    assert f"## `{hook}({parameters})`" in page
    section = page.split(f"## `{hook}({parameters})`")[1].split("\n#")[0]
    contract = inspect.cleandoc(spec(hook).__doc__ or "").replace("``", "`")
    assert " ".join(contract.split()) in " ".join(section.split())
