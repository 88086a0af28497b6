"""The generated reference: complete, and as the program behaves."""

from __future__ import annotations

import re

import click
import pytest
from doc_pages import blocks, rows, section, shown

import oscbridge
import oscbridge_docs.protocols as protocols
from oscbridge import Message, Options
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.case_models import CaseOptions
from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.bridge.config.endpoint_models import HostOptions, SpoolOptions
from oscbridge.bridge.config.file_models import ConfigurationFile
from oscbridge.bridge.config.limit_models import LimitOptions
from oscbridge.bridge.config.process_models import HTTPOptions, RunOptions
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.bridge.config.token_models import TokenOptions
from oscbridge.bridge.config.variable_models import VariableOptions
from oscbridge.cli import COMMANDS
from oscbridge.contract.option_docs import option_docs
from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.osc.type_tags import TYPE_TAGS
from oscbridge.plugins.manager import Plugins
from oscbridge.profiles.library import shipped_profiles
from oscbridge_docs.commands import all_commands
from oscbridge_ui import client_messages, server_messages

CONFIGURATION = "reference/configuration/"
TABLES = {
    "bridge": (f"{CONFIGURATION}bridge.md", "", BridgeOptions),
    "clients": (f"{CONFIGURATION}bridge.md", "## Clients", BridgeClientOptions),
    "limits": (f"{CONFIGURATION}bridge.md", "## Limits", LimitOptions),
    "endpoint": (f"{CONFIGURATION}endpoint.md", "", HostOptions),
    "osc": (f"{CONFIGURATION}endpoint.md", '## `type = "osc"`', OSCEndpoint.options_type),
    "spool": ("how-to/keep-messages-on-disk.md", "", SpoolOptions),
    "route": (f"{CONFIGURATION}route.md", "", RouteOptions),
    "token": (f"{CONFIGURATION}token.md", "", TokenOptions),
    "variables": (f"{CONFIGURATION}variables.md", "", VariableOptions),
    "http": (f"{CONFIGURATION}http.md", "", HTTPOptions),
    "run": (f"{CONFIGURATION}run.md", "", RunOptions),
    "test": ("how-to/test-routes.md", "## Test the routes", CaseOptions),
}


def table_after(text: str, heading: str) -> list[list[str]]:
    """The table of keys of a page, or of one of its sections."""
    text = section(text, heading) if heading else text
    return rows(text[text.index("| key | type | default |") :])


@pytest.mark.parametrize("name", TABLES)
def test_key_table_has_every_key_with_its_help(name: str) -> None:
    page, heading, model = TABLES[name]
    found = {row[0]: row for row in table_after(shown(page), heading) if "." not in row[0]}
    fields = {field.alias or key: field for key, field in model.model_fields.items()}
    docs = {model.model_fields[key].alias or key: text for key, text in option_docs(model).items()}
    assert list(found) == [f"`{key}`" for key in fields]
    for key, field in fields.items():
        _, kind, default, text = found[f"`{key}`"]
        help_text = " ".join(docs[key].replace("``", "`").split())
        assert text.replace("\\|", "|") == help_text, key
        assert kind
        assert (default == "required") is field.is_required(), key
        if isinstance(field.default, bool | int):
            assert default == f"`{str(field.default).lower()}`", key


def test_every_table_of_the_file_has_a_page() -> None:
    index = shown(f"{CONFIGURATION}index.md")
    for key in ConfigurationFile.model_fields.values():
        name = key.alias or ""
        assert not name or name in index, name
    listed = re.findall(r"\| \[?`\[*(\w+)", index) + re.findall(r"^\| `(include)`", index, re.M)
    fields = {field.alias or name for name, field in ConfigurationFile.model_fields.items()}
    assert set(listed) >= fields - {"variables"} - {"plugins"}


def test_keys_of_all_endpoint_types_are_listed() -> None:
    text = shown(f"{CONFIGURATION}endpoint-types.md")
    for name, factory in Plugins().endpoint_types.items():
        found = section(text, f'## `type = "{name}"`')
        if factory.options_type is not None:
            for key in factory.options_type.model_fields.keys() - HostOptions.model_fields.keys():
                assert f"| `{key}` |" in found, f"{name}: {key}"
        model: type[Options] | None = factory.route_options_type
        if model is not None:
            assert all(f"| `{key}` |" in found for key in model.model_fields)


def test_every_command_and_option_is_listed() -> None:
    text = shown("reference/commands.md")
    names = {name for name, _ in all_commands()}
    assert names >= {f"oscbridge {name}" for name in COMMANDS}
    for name, command in all_commands():
        found = section(text, f"## {name}")
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.opts[-1] in found, f"{name} {parameter.opts}"


def test_every_profile_is_listed_with_its_groups() -> None:
    text = shown("reference/profiles.md")
    listed = {
        row[0].strip("`") for row in rows(section(text, "## Profiles that come with the bridge"))
    }
    assert listed == shipped_profiles().keys()
    assert text.count("\n### `") == len(listed) - 1  # not of the template


def test_arguments_of_osc_json_are_read_as_they_are_written() -> None:
    found = rows(section(shown("reference/osc-json.md"), "## Arguments"))
    assert [row[0].strip("`") for row in found] == list(TYPE_TAGS)
    for tag, _, text in found:
        name = tag.strip("`")
        argument = text.strip("`")
        message = oscbridge.decode_json(f'{{"address": "/", "args": [{argument}]}}')
        assert message == Message("/", name, (protocols.SAMPLES[name],))


def test_every_message_of_the_control_room_is_listed() -> None:
    text = shown("reference/ui-protocol.md")
    for module, union in ((client_messages, "ClientMessage"), (server_messages, "ServerMessage")):
        members = re.findall(r"\w+\.(\w+)'?[\s|>,\]]", f"{getattr(module, union)} ")
        assert len(members) > 10
        assert all(f"### {name}\n" in text for name in members if name[0].isupper())


def test_json_of_the_page_is_read() -> None:
    texts = [text for kind, text in blocks(shown("reference/osc-json.md")) if kind == "json"]
    assert {type(oscbridge.decode_json(text)) for text in texts} == {Message, oscbridge.Bundle}
