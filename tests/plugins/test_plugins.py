"""Plugins as pip installs them: a broken one is named with the reason, and the others run."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint, version
from pathlib import Path

import pytest
from click.testing import CliRunner

from oscbridge import Sink, Source
from oscbridge.cli import Commands
from oscbridge.plugins.manager import Plugin, Plugins

Install = Callable[..., None]
Load = Callable[[], dict[str, Plugin]]

GOOD = """
class Lamp(oscbridge.Endpoint):
    async def send(self, message):
        pass

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {"lamp": Lamp}
"""


class AddedRoutes(list[str]):
    """Records the matches of the routes that plugins add."""

    def add(self, match: str, sink: Sink, **_steps: object) -> None:
        self.append(match)


def offering(value: str) -> str:
    return f"@oscbridge.hookimpl\ndef oscbridge_endpoints():\n    return {value}\n"


def test_good_plugin_is_found_by_its_entry_point(
    install: Install, load: Load, tmp_path: Path
) -> None:
    install("lamp", GOOD, version="3.4")
    plugin = load()["lamp"]
    assert plugin.error is None
    assert (plugin.distribution, plugin.version) == ("oscbridge-lamp", "3.4")
    assert plugin.location == str(tmp_path / "oscbridge_lamp.py")
    assert plugin.hooks == ["oscbridge_endpoints"]
    assert list(plugin.endpoints) == ["lamp"]


def test_our_own_plugin_is_found() -> None:
    assert "websocket" in Plugins().endpoint_types


def test_osc_plugin_is_built_in_and_comes_first() -> None:
    plugin = Plugins().plugins[0]
    assert (plugin.name, plugin.location, plugin.error) == ("osc", "built in", None)
    assert (plugin.distribution, plugin.version) == ("oscbridge", version("oscbridge"))
    assert plugin.hooks == ["oscbridge_endpoints"]
    assert list(plugin.endpoints) == ["osc"]


def test_plugin_cannot_replace_a_built_in_one(install: Install, load: Load) -> None:
    install("other", GOOD.replace('"lamp"', '"osc"'))
    assert str(load()["other"].error) == (
        "plugin 'other': endpoint type 'osc' is offered by 'osc' (oscbridge) already"
    )
    assert Plugins().endpoint_types["osc"].__name__ == "OSCEndpoint"


def test_plugin_list_is_empty_without_plugins() -> None:
    assert Plugins([]).endpoint_types == {}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(
            "import no_such_module",
            "cannot be imported: ModuleNotFoundError: No module named 'no_such_module' (",
            id="import-error",
        ),
        pytest.param(
            "raise ValueError('no')", "cannot be imported: ValueError: no (", id="import-raises"
        ),
        pytest.param("def f(", "cannot be imported: SyntaxError: ", id="syntax"),
        pytest.param(
            "raise SystemExit(3)", "cannot be imported: SystemExit: 3 (", id="exit-at-import"
        ),
        pytest.param(
            "@oscbridge.hookimpl\ndef oscbridge_endpoint():\n    return {}",
            "unknown hook 'oscbridge_endpoint'; did you mean 'oscbridge_endpoints'?",
            id="misspelt",
        ),
        pytest.param(
            "@oscbridge.hookimpl\ndef something():\n    return {}",
            "unknown hook 'something'; "
            "known hooks: oscbridge_endpoints, oscbridge_register_routes, oscbridge_commands, "
            "oscbridge_importers",
            id="unknown-hook",
        ),
        pytest.param(
            "@oscbridge.hookimpl(specname='oscbridge_endpoint')\ndef f():\n    return {}",
            "unknown hook 'oscbridge_endpoint'; did you mean 'oscbridge_endpoints'?",
            id="misspelt-specname",
        ),
        pytest.param(
            "@oscbridge.hookimpl\ndef oscbridge_register_routes(routes, sauce):\n    pass",
            "oscbridge_register_routes has no argument 'sauce'; did you mean 'source'?",
            id="unknown-argument",
        ),
        pytest.param(
            "@oscbridge.hookimpl\ndef oscbridge_register_routes(dispatcher, source):\n    pass",
            "oscbridge_register_routes has no argument 'dispatcher'; "
            "use 'routes': routes.add(match, sink)",
            id="dispatcher-of-before",
        ),
        pytest.param(
            "@oscbridge.hookimpl\ndef oscbridge_endpoints(app):\n    pass",
            "oscbridge_endpoints has no argument 'app'; available: none",
            id="argument-of-a-hook-without",
        ),
        pytest.param(
            "@oscbridge.hookimpl\ndef oscbridge_endpoints():\n    raise KeyError('x')",
            "oscbridge_endpoints failed: KeyError: 'x' (",
            id="raises",
        ),
        pytest.param(
            "@oscbridge.hookimpl\ndef oscbridge_endpoints():\n    raise SystemExit(1)",
            "oscbridge_endpoints failed: SystemExit: 1 (",
            id="exits",
        ),
        pytest.param(
            offering("[1]"),
            "oscbridge_endpoints: returns [1], not a dictionary of endpoint classes",
            id="list",
        ),
        pytest.param(
            offering("{1: oscbridge.Endpoint}"),
            "oscbridge_endpoints: the type 1 is not a string",
            id="number-as-type",
        ),
        pytest.param(
            offering('{"x": int}'),
            "oscbridge_endpoints: the type 'x' is <class 'int'>, "
            "not a subclass of oscbridge.Endpoint",
            id="another-class",
        ),
        pytest.param(
            offering('{"x": oscbridge.Endpoint("a", None)}'),
            "oscbridge_endpoints: the type 'x' is <oscbridge.contract.endpoint.Endpoint object",
            id="no-class",
        ),
        pytest.param(
            "class Bad(oscbridge.Endpoint):\n    default_routes = ('/a', '/[b')\n"
            + offering('{"x": Bad}'),
            "oscbridge_endpoints: the default route '/[b' of type 'x': ",
            id="default-route",
        ),
        pytest.param(
            "class Bad(oscbridge.Endpoint[dict]):\n    pass\n" + offering('{"x": Bad}'),
            "cannot be imported: TypeError: Bad: <class 'dict'> does not derive from "
            "oscbridge.Options (",
            id="options",
        ),
        pytest.param(
            "class Bad(oscbridge.Endpoint):\n    class Options(oscbridge.Options):\n        pass\n",
            "cannot be imported: TypeError: Bad.Options: declare options as "
            "oscbridge.Endpoint[MyOptions] or ",
            id="options-of-before",
        ),
        pytest.param(
            "class Bad(oscbridge.Endpoint):\n    def coalesce_key(self, message):\n        pass\n",
            "cannot be imported: TypeError: Bad.coalesce_key: "
            "derive the class from oscbridge.Coalescing too (",
            id="ability-that-is-not-declared",
        ),
    ],
)
def test_broken_plugin_is_named_and_the_others_run(
    code: str, reason: str, install: Install, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    install("broken", code)
    install("lamp", GOOD)
    plugins = load()
    error = plugins["broken"].error
    assert error is not None
    assert str(error).startswith(f"plugin 'broken': {reason}")
    assert "\n" not in str(error)
    assert plugins["lamp"].error is None
    assert list(plugins["lamp"].endpoints) == ["lamp"]
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.getMessage() == str(error)
    assert "broken" not in Plugins().endpoint_types


def test_entry_point_without_a_module_is_a_broken_plugin() -> None:
    (plugin,) = Plugins([EntryPoint("x", "no_such_module", "oscbridge")]).plugins
    assert "cannot be imported" in str(plugin.error)
    assert plugin.location == ""


def test_endpoint_type_belongs_to_the_first_plugin_that_offers_it(
    install: Install, load: Load
) -> None:
    install("a", GOOD)
    install("b", GOOD + offering('{"other": Lamp, "lamp": Lamp}'))
    install("c", GOOD.replace('"lamp"', '"other"'))
    plugins = load()
    assert plugins["a"].error is None
    assert str(plugins["b"].error) == (
        "plugin 'b': endpoint type 'lamp' is offered by 'a' (oscbridge-a) already"
    )
    assert plugins["c"].error is None


def test_two_plugins_with_the_same_name_work(install: Install) -> None:
    install("a", GOOD, entry="same")
    install("b", GOOD.replace('"lamp"', '"other"'), entry="same")
    plugins = [p for p in Plugins().plugins if p.name == "same"]
    assert [p.error for p in plugins] == [None, None]
    assert {"lamp", "other"} <= Plugins().endpoint_types.keys()


def test_hook_implementation_can_take_a_subset_of_the_arguments(install: Install) -> None:
    for name, arguments in (
        ("both", "routes, source"),
        ("turned", "source, routes"),
        ("one", "routes"),
        ("none", ""),
    ):
        address = f"/{name}"
        body = f"routes.add({address!r}, None)" if "routes" in arguments else "pass"
        install(
            name,
            f"@oscbridge.hookimpl\ndef oscbridge_register_routes({arguments}):\n    {body}\n",
        )
    plugins, added = Plugins(), AddedRoutes()
    plugins.register_routes(added, Source("here", {}))
    assert all(plugin.error is None for plugin in plugins.plugins)
    assert added == ["/both", "/one", "/turned"]


def test_plugin_that_fails_to_register_routes_is_named_and_the_others_run(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    hook = "@oscbridge.hookimpl\ndef oscbridge_register_routes(routes, source):\n"
    install("a", hook + "    raise KeyError('x')")
    install("b", hook + "    routes.add('/b', None)")
    plugins, added = Plugins(), AddedRoutes()
    plugins.register_routes(added, Source("here", {}))
    assert added == ["/b"]
    expected = "source 'here': plugin 'a': oscbridge_register_routes failed: KeyError: 'x' ("
    assert expected in caplog.text


def test_plugin_that_fails_to_register_routes_keeps_its_endpoints_and_is_called_again(
    install: Install,
) -> None:
    hook = "@oscbridge.hookimpl\ndef oscbridge_register_routes(routes, source):\n"
    body = "    if source.name == 'a':\n        raise KeyError('x')\n"
    install("lamp", GOOD + hook + body + "    routes.add('/b', None)\n")
    plugins, added = Plugins(), AddedRoutes()
    plugins.register_routes(added, Source("a", {}))
    assert "lamp" in plugins.endpoint_types
    plugins.register_routes(added, Source("b", {}))
    assert added == ["/b"]


# --- commands ----------------------------------------------------------------------------------

LAMP = """
import click

@click.group()
def lamp():
    "Commands about lamps."

@lamp.command()
def on():
    "Switch it on."
    click.echo("it is on")

@oscbridge.hookimpl
def oscbridge_commands(cli):
    cli.add_command(lamp)
    cli.add_command(lamp, "run")
"""


def test_plugin_adds_commands(install: Install) -> None:
    install("lamp", LAMP)
    result = CliRunner().invoke(Commands(), ["lamp", "on"])
    assert result.output == "it is on\n"
    output = CliRunner().invoke(Commands(), ["--help"]).output
    assert re.search(r"  lamp +Commands about lamps\.", output)


def test_plugin_cannot_replace_a_command_of_the_bridge(install: Install) -> None:
    install("lamp", LAMP)
    result = CliRunner().invoke(Commands(), ["run", "--help"])
    assert "Run the bridge until Ctrl-C." in result.output


def test_plugin_that_fails_to_add_commands_is_named_and_the_others_run(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("bad", "@oscbridge.hookimpl\ndef oscbridge_commands(cli):\n    raise KeyError('x')")
    install("lamp", LAMP)
    assert CliRunner().invoke(Commands(), ["lamp", "on"]).exit_code == 0
    assert "plugin 'bad': oscbridge_commands failed: KeyError: 'x' (" in caplog.text


# --- sites ------------------------------------------------------------------------------------

SITE = """
@oscbridge.hookimpl
def oscbridge_sites():
    return {"lamp": "oscbridge_lamp:Page"}
"""


def test_site_is_offered_by_its_path(install: Install) -> None:
    install("lamp", SITE)
    assert Plugins().sites["lamp"] == "oscbridge_lamp:Page"


def test_second_site_of_a_name_is_named_and_left_out(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("first", SITE)
    install("second", SITE.replace("oscbridge_lamp:Page", "oscbridge_other:Page"))
    (used,) = {"oscbridge_lamp:Page", "oscbridge_other:Page"} & set(Plugins().sites.values())
    assert Plugins().sites["lamp"] == used
    assert "another plugin has the name 'lamp'; its site is used" in caplog.text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("['page']", "oscbridge_sites returns ['page'], not a dictionary of paths"),
        ("{'lamp': 3}", "oscbridge_sites: 'lamp' is 3; write it as 'package.module:Class'"),
        ("1 / 0", "oscbridge_sites failed: ZeroDivisionError"),
    ],
)
def test_wrong_site_is_named_and_left_out(
    install: Install, caplog: pytest.LogCaptureFixture, value: str, problem: str
) -> None:
    install("lamp", SITE.replace('{"lamp": "oscbridge_lamp:Page"}', value))
    assert "lamp" not in Plugins().sites
    assert problem in caplog.text
