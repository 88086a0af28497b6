"""docs/reference/plugin-contract.md: its plugins, configurations and tables are run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from aiohttp import ClientSession
from plugin_pages import ROOT, PluginPage, run_mypy, run_tests
from programs import find_program

import oscbridge
from oscbridge import errors
from oscbridge.bridge.config.config import parse
from oscbridge.contract import abilities
from oscbridge.plugins.manager import Plugins
from oscbridge.testing import free_port, running_bridge

PAGE = PluginPage("reference/plugin-contract.md")
MODULES = PAGE.modules
PYRIGHT = ROOT / "tests" / "js" / "node_modules" / ".bin" / "pyright"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All plugins of the page, as files."""
    return PAGE.write(tmp_path)


@pytest.fixture
def modules() -> Iterator[dict[str, ModuleType]]:
    """All plugins of the page, imported."""
    found = {}
    for name, text in MODULES.items():
        if name.startswith("test_"):
            continue
        found[name] = module = ModuleType(name.removesuffix(".py"))
        sys.modules[module.__name__] = module
        exec(compile(text, name, "exec"), vars(module))
    yield found
    for module in found.values():
        del sys.modules[module.__name__]


def test_tests_of_the_page_pass(folder: Path) -> None:
    run_tests(folder, "asyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")


def types(modules: dict[str, ModuleType]) -> dict[str, type[oscbridge.AnyEndpoint]]:
    found = dict(Plugins([]).endpoint_types)
    for module in modules.values():
        if hasattr(module, "oscbridge_endpoints"):
            found.update(module.oscbridge_endpoints())
    return found


def test_every_python_block_is_a_module_with_a_name() -> None:
    assert len(MODULES) == len(PAGE.of_language("python"))
    assert {kind for kind, _ in PAGE.blocks} == {"python", "toml"}


@pytest.mark.parametrize("text", PAGE.of_language("toml"))
def test_configuration_of_the_page_is_valid(text: str, modules: dict[str, ModuleType]) -> None:
    parse(text, types(modules), "page.toml")


async def test_button_of_the_page_is_pressed_over_http(modules: dict[str, ModuleType]) -> None:
    kinds = types(modules)
    text = f"""
        [endpoint.wall]
        type   = "button"
        listen = "127.0.0.1:{free_port()}"
        """
    async with running_bridge(text, kinds, record=["wall"]) as bridge:
        button = bridge.endpoint("wall")
        url = f"http://{button.options.listen}/press"
        async with ClientSession() as session:
            async with session.post(f"{url}/door", data=b"open") as response:
                assert response.status == 204
            async with session.post(f"{url}/door", data=b"x" * 1_001) as response:
                assert (await response.json())["status"] == 413
            async with session.get(url) as response:
                assert (await response.json())["title"] == "Not Found"
        message = await bridge.received("wall").get()
        assert (message.address, message.args) == ("/press/door", ("open",))


def test_plugins_of_the_page_pass_mypy_strict(folder: Path) -> None:
    result = run_mypy(folder, *MODULES)
    assert result.returncode == 0, result.stdout + result.stderr


WRONG = """
import oscbridge
from oscbridge_lamp import LampDelivery
from oscbridge_thermometer import Thermometer


def wrong(thermometer: Thermometer, delivery: LampDelivery) -> str:
    assert delivery.options is not None
    delivery.options.chanel
    return thermometer.options.every


class Plain(oscbridge.Endpoint):
    async def send(self, message: LampDelivery) -> None: ...
"""


def test_mypy_sees_wrong_uses_of_options(folder: Path) -> None:
    (folder / "wrong.py").write_text(WRONG)
    result = run_mypy(folder, "wrong.py")
    assert [line.split(":")[1] for line in result.stdout.splitlines() if ": error:" in line] == [
        *("9", "10", "14")
    ], result.stdout


def test_pyright_agrees_in_strict_mode(folder: Path) -> None:
    (folder / "wrong.py").write_text(WRONG)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    command = [find_program("node"), PYRIGHT.resolve(), "--pythonpath", sys.executable]
    right = subprocess.run([*command, *MODULES], capture_output=True, text=True, cwd=folder)
    assert right.returncode == 0, right.stdout + right.stderr
    wrong = subprocess.run([*command, "wrong.py"], capture_output=True, text=True, cwd=folder)
    lines = {int(line) for line in re.findall(r"wrong\.py:(\d+):\d+ - error", wrong.stdout)}
    assert lines == {9, 10, 14}, wrong.stdout


def test_page_shows_the_whole_core() -> None:
    own = {"host", "attach", "is_sink", "options_type", "route_options_type"}
    public = {name for name in vars(oscbridge.Endpoint) if not name.startswith("_")}
    assert PAGE.names("The core") == public - own - PAGE.names("Class attributes")


def test_class_attributes_have_the_defaults_of_the_table() -> None:
    endpoint = oscbridge.Endpoint("any", oscbridge.Options())  # some are properties
    for name, default, _ in PAGE.table("Class attributes"):
        value = getattr(endpoint, name.strip("`"))
        assert default == (f'`"{value}"`' if isinstance(value, str) else f"`{value!r}`")


def test_every_ability_is_listed_with_its_methods() -> None:
    listed = {
        method: ability.strip("`")
        for ability, methods, _ in PAGE.table("Abilities")
        for method in re.findall(r"`(\w+)`", methods)
    }
    assert listed == {name: kind.__name__ for name, kind in abilities.ABILITY_OF.items()}


def test_every_method_of_the_host_is_listed() -> None:
    public = {name for name in vars(oscbridge.Host) if not name.startswith("_")}
    assert PAGE.names("The host") == public


def test_every_error_of_an_endpoint_is_listed() -> None:
    kinds = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and errors.EndpointError in kind.__mro__[1:]
    }
    assert PAGE.names("Errors") - {"OSError"} == kinds


def test_method_of_an_undeclared_ability_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"derive the class from oscbridge\.Coalescing too"):

        class Undeclared(oscbridge.Endpoint):
            def coalesce_key(self, message: oscbridge.Message) -> object:
                return None
