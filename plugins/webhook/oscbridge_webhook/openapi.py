"""The description of the HTTP interface (OpenAPI 3.1)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

import orjson

from oscbridge_webhook.options import WebhookOptions

__all__ = ["openapi_document"]

_MESSAGE: Final = {"$ref": "#/components/schemas/Message"}
_PROBLEM: Final = {
    "description": "What is wrong, and how to fix it (RFC 9457)",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                },
            }
        }
    },
}
_MATCH: Final = {
    "name": "match",
    "in": "query",
    "description": "Only addresses that match a pattern, like match of a route: /mixer/*",
    "schema": {"type": "array", "items": {"type": "string"}},
}
_ADDRESS: Final = {
    "name": "address",
    "in": "path",
    "required": True,
    "description": "An OSC address without its first slash; it may contain others",
    "schema": {"type": "string"},
}
_BODY: Final = {
    "description": "The arguments: a value, an array, or an object whose values they are in order; "
    'with "args" they are those of osc.json',
    "content": {
        "application/json": {"schema": {}},
        "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
        "text/plain": {"schema": {"type": "string"}},
    },
}
_SCHEMA: Final = {
    "type": "object",
    "required": ["address", "args"],
    "properties": {
        "address": {"type": "string"},
        "args": {
            "type": "array",
            "items": {"type": "object", "properties": {"type": {"type": "string"}, "value": {}}},
        },
    },
}


def openapi_document(options: WebhookOptions) -> bytes:
    """The document, in JSON."""
    document = {
        "openapi": "3.1.0",
        "info": {"title": "oscbridge-webhook", "version": version("oscbridge-webhook")},
        "paths": {
            "/{address}": {
                "post": {
                    "summary": "Send a message",
                    "description": f"A body has at most {options.max_body_size} bytes.",
                    "parameters": [_ADDRESS],
                    "requestBody": _BODY,
                    "responses": {
                        "204": {"description": "The message is in the routes"},
                        "default": _PROBLEM,
                    },
                }
            },
            "/api/v1/values": _get(
                "The last values of all addresses",
                {"application/json": {"schema": {"type": "array", "items": _MESSAGE}}},
                _MATCH,
            ),
            "/api/v1/values/{address}": _get(
                "The last value of an address", {"application/json": {"schema": _MESSAGE}}, _ADDRESS
            ),
            "/api/v1/events": _get(
                "Messages as server-sent events; the data of each is a Message",
                {"text/event-stream": {"schema": {"type": "string"}}},
                _MATCH,
            ),
            "/api/v1/openapi.json": _get(
                "This document", {"application/json": {"schema": {"type": "object"}}}
            ),
        },
        "components": {
            "schemas": {"Message": _SCHEMA},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }
    return orjson.dumps(document)


def _get(summary: str, content: Any, *parameters: Any) -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "parameters": parameters,
            "responses": {"200": {"description": summary, "content": content}, "default": _PROBLEM},
        }
    }
