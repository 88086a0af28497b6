"""Requests made of messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import orjson
from yarl import URL

import oscbridge
from oscbridge_webhook.options import Method, WebhookOptions, WebhookRoute
from oscbridge_webhook.target import TargetURL

__all__ = ["RequestPlanner", "WebhookDelivery", "WebhookRequest"]

WebhookDelivery: TypeAlias = oscbridge.Delivery[WebhookRoute]

MAX_PLANS: Final = 1_024
"""Most routes whose plan is cached; then the cache starts empty."""


class WebhookRequest(NamedTuple):
    """A request, ready to be sent."""

    method: Method
    url: URL
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class RequestPlan:
    """How the messages of one route become requests."""

    method: Method
    target: TargetURL
    headers: Mapping[str, str]
    encode: oscbridge.EncodeRouted


class RequestPlanner:
    """Makes the requests of an endpoint."""

    def __init__(self, options: WebhookOptions) -> None:
        self._options = options
        self._plans: dict[int, tuple[WebhookRoute | None, RequestPlan | None]] = {}
        """By the identity of the route's options, which are kept so that it remains theirs."""

    def request(self, delivery: WebhookDelivery) -> WebhookRequest | None:
        """The request for a message; None if no URL is configured.

        Raises :class:`oscbridge.BadMessage`.
        """
        message, route, captures = delivery
        found = self._plans.get(id(route))
        if found is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            found = self._plans[id(route)] = (route, _plan(self._options, route))
        plan = found[1]
        if plan is None:
            return None
        try:
            url = plan.target.fill(message, captures)
            body = plan.encode(message, captures)
        except (LookupError, ValueError) as error:
            raise oscbridge.BadMessage(f"{message.address}: {error}") from None
        return WebhookRequest(plan.method, url, plan.headers, body)


def _plan(options: WebhookOptions, route: WebhookRoute | None) -> RequestPlan | None:
    own = route or WebhookRoute()
    url = own.url or options.url
    if url is None:
        return None
    target = TargetURL.parse(url.value)
    shared: Mapping[str, oscbridge.Secret] = options.headers
    if options.url is not None and TargetURL.parse(options.url.value).origin != target.origin:
        shared = {}  # they may contain secrets, which are not for another server
    method = own.method or options.method
    body = options.body if own.body is None else own.body
    headers = {"content-type": _content_type(body)} if body or method != "GET" else {}
    for each in (shared, own.headers):
        headers |= {name.lower(): value.value for name, value in each.items()}
    if body is None and method != "GET":
        return RequestPlan(method, target, headers, _osc_json)
    return RequestPlan(method, target, headers, oscbridge.template_encoder(body or ""))


def _osc_json(message: oscbridge.Message, _captures: Mapping[str, str]) -> bytes:
    return oscbridge.encode_json(message)


def _content_type(body: str | None) -> str:
    if body is not None:
        template = oscbridge.Template.parse(body, literal_braces=True, expressions=True)
        filled = template.fill(lambda _placeholder: "0").lstrip()
        try:
            orjson.loads(filled)
        except ValueError:
            filled = ""
        if not filled.startswith(("{", "[", '"')):
            return "text/plain; charset=utf-8"
    return "application/json"
