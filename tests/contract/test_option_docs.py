"""The documentation of options, read from docstrings."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from oscbridge import Options
from oscbridge.contract.option_docs import option_docs


class Lamp(Options):
    level: float = 1.0
    """Brightness from 0 to 1,
    before the curve."""
    color: Annotated[str, Field(alias="colour")] = "white"
    """Name of a colour."""
    bare: int = 0


class Spot(Lamp):
    angle: float = 30.0
    """Degrees."""
    level: float = 0.5
    """Brightness of the spot."""
    room: Annotated[str, Field(description="Where it hangs.")] = ""
    """Not shown."""


def test_docs_are_the_docstrings_below_the_fields() -> None:
    assert option_docs(Lamp) == {
        "level": "Brightness from 0 to 1,\nbefore the curve.",
        "color": "Name of a colour.",
    }


def test_docs_contain_inherited_fields_and_prefer_the_own() -> None:
    docs = option_docs(Spot)
    assert (docs["color"], docs["level"]) == ("Name of a colour.", "Brightness of the spot.")


def test_description_of_a_field_precedes_its_docstring() -> None:
    assert option_docs(Spot)["room"] == "Where it hangs."


def test_docs_of_a_model_in_a_function_are_found() -> None:
    class Local(Options):
        rate: int = 1
        """Times a second."""

    assert option_docs(Local) == {"rate": "Times a second."}


def test_docs_are_empty_without_source() -> None:
    code = (
        "from oscbridge import Options\n"
        "from oscbridge.contract.option_docs import option_docs\n"
        "class Typed(Options):\n    rate: int = 1\n    'Times a second.'\n"
        "print(option_docs(Typed))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "{}\n"


def test_schema_describes_fields_by_their_keys() -> None:
    properties = Lamp.model_json_schema()["properties"]
    assert properties["colour"]["description"] == "Name of a colour."
    assert properties["level"]["description"] == "Brightness from 0 to 1,\nbefore the curve."
    assert "description" not in properties["bare"]


def test_schema_by_name_describes_fields_with_an_alias() -> None:
    properties = Lamp.model_json_schema(by_alias=False)["properties"]
    assert properties["color"]["description"] == "Name of a colour."


def test_docs_are_empty_while_the_source_is_not_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "half_edited_lamp.py"
    file.write_text(
        "from oscbridge import Options\nclass Lamp(Options):\n    level: int = 1\n    'A.'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    lamp = import_module("half_edited_lamp").Lamp
    file.write_text("class Lamp(\n")
    assert option_docs(lamp) == {}
    assert "level" in lamp.model_json_schema()["properties"]
