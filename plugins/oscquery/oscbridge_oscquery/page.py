"""A small page about a node: ``?HTML``. Without scripts. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from typing import Final

import orjson

import oscbridge
from oscbridge_oscquery.paths import path_of_address

__all__ = ["PAGE_POLICY", "Row", "page_of"]

MAX_ROWS: Final = 1_000
"""Nodes that a page lists."""

MAX_SHOWN: Final = 120
"""Characters of a value that a page shows."""

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;"
    "color-scheme:light dark}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.25em .7em;border-bottom:1px solid #8884;"
    "overflow-wrap:anywhere}code{font-size:14px}"
)

PAGE_POLICY: Final = (
    "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
)
"""The Content-Security-Policy of the page."""

Row = tuple[oscbridge.AddressNode, dict[str, object]]
"""A node and its attributes."""

_COLUMNS: Final = ("address", "type", "value", "range", "unit", "access", "description")
_ACCESS: Final = {0: "", 1: "read", 2: "write", 3: "read, write"}


def page_of(title: str, node: oscbridge.AddressNode, rows: Sequence[Row], more: int) -> str:
    """The page of a node with the rows of itself and its children; ``more`` are left out."""
    parent = node.path.rpartition("/")[0] or "/"
    up = "" if node.path == "/" else f'<p><a href="{_link(parent)}">{escape(parent)}</a></p>'
    head = "".join(f"<th scope=col>{name}</th>" for name in _COLUMNS)
    lines = "\n".join(_row(each, attributes) for each, attributes in rows)
    rest = f"<p>and {more} more</p>" if more > 0 else ""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f"<title>{escape(node.path)} · {escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{up}<table><caption>{escape(node.path)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>\n{lines}\n</tbody></table>{rest}"
        f'<p><a href="{_path(node.path)}">JSON</a></p></body></html>\n'
    )


def _row(node: oscbridge.AddressNode, attributes: dict[str, object]) -> str:
    name = escape(node.path)
    if node.children:
        name = f'<a href="{_link(node.path)}">{name}/</a>'
    access = attributes.get("ACCESS")
    cells = (
        name,
        _code(attributes.get("TYPE")),
        _code(attributes.get("VALUE")),
        _code(attributes.get("RANGE")),
        _code(attributes.get("UNIT")),
        _ACCESS.get(access, "") if isinstance(access, int) else "",
        escape(str(attributes.get("DESCRIPTION", ""))),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _code(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    shown = text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
    return f"<code>{escape(shown)}</code>"


def _path(address: str) -> str:
    return escape(path_of_address(address), quote=True)


def _link(address: str) -> str:
    return f"{_path(address)}?HTML"
