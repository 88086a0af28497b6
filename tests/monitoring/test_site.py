"""The pages of a plugin at ``[http]``: access to them, and the effect of a reload."""

from __future__ import annotations

import asyncio
import http.client
import stat
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest
from aiohttp import web

from oscbridge import AccessDenied, AccessGrant
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.cli.site_code import site_code
from oscbridge.monitoring import Site, SiteHandler, runtime_dir
from oscbridge.monitoring.generated_token import NAME
from oscbridge.monitoring.service import Service
from oscbridge.monitoring.site_urls import site_url, site_urls
from oscbridge.plugins.manager import Plugins

BRIDGE = '[bridge.a]\nlisten = "udp://127.0.0.1:0"\n'
TOKEN = '[[token]]\nname = "foh"\nsecret = { env = "FOH_SECRET" }\nrights = ["listen"]\n'
ALL = "listen,send,configure"


class RightsPage(Site):
    """Shows the rights of a client, by its header ``Token``."""

    instances: ClassVar[list[RightsPage]] = []
    changes = 0
    last: tuple[web.Request, AccessGrant] | None = None
    """The last client that got access: as if it stayed connected."""

    @property
    def pages(self) -> Mapping[str, SiteHandler]:
        self.instances.append(self)
        return {"/": self._page}

    async def _page(self, request: web.Request) -> web.Response:
        found = self.access.without_token(request)
        if found is None:
            found = await self.access.check(request, request.headers.get("Token", ""))
        if isinstance(found, AccessDenied):
            return web.Response(text=f"{found.status.value} {found.reason}")
        self.last = request, found
        order = ("listen", "send", "configure")
        return web.Response(text=",".join(each for each in order if each in found.rights.rights))

    def access_changed(self) -> None:
        self.changes += 1

    def renewed(self) -> AccessGrant | AccessDenied:
        """The access that the last client has now."""
        assert self.last is not None
        return self.access.renew(*self.last)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with TemporaryDirectory(prefix="osc") as path:
        monkeypatch.setenv(runtime_dir.VARIABLE, path)
        monkeypatch.setenv("XDG_STATE_HOME", f"{path}/state")
        monkeypatch.setenv("FOH_SECRET", "foh-secret-1234")
        RightsPage.instances.clear()
        yield Path(path)


class RunningSite:
    """A running process with a site."""

    def __init__(self, options: str, rest: str, **more: str) -> None:
        self.options = options
        self.rest = rest
        sites = {"rights": f"{__name__}:RightsPage", **more}
        self.service = Service(App(self.read(), Plugins([])), self.read, "show.toml", sites=sites)

    def read(self) -> Configuration:
        return parse(f"[http]\n{self.options}\n{self.rest}{BRIDGE}", {}, "show.toml")

    @property
    def port(self) -> int:
        return int(self.service.http_address.rpartition(":")[2])

    async def get(self, path: str = "/", **headers: str) -> str:
        """The body of the answer; of an error its status."""
        return await asyncio.to_thread(self._get, path, headers)

    def _get(self, path: str, headers: dict[str, str]) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            fields = {key.replace("_", "-"): value for key, value in headers.items()}
            connection.request("GET", path, headers=fields)
            response = connection.getresponse()
            body = response.read().decode()
            return body if response.status == 200 else str(response.status)
        finally:
            connection.close()


@asynccontextmanager
async def running(
    options: str = 'listen = "127.0.0.1:0"', rest: str = ""
) -> AsyncIterator[RunningSite]:
    site = RunningSite(options, rest)
    await site.service.start()
    try:
        yield site
    finally:
        await site.service.stop()


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The class above is imported by its path, as that of a plugin is."""
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules[RightsPage.__module__])


async def test_this_machine_may_do_everything_without_tokens() -> None:
    async with running() as site:
        assert await site.get() == ALL
        assert await site.get("/healthz") == "ok\n"
        assert site_urls(site.service.http) == [f"http://127.0.0.1:{site.port}/"]


@pytest.mark.parametrize(
    "header", ["Forwarded", "X_Forwarded_For", "X_Forwarded_Proto", "X_Real_IP", "X_Ingress_Path"]
)
async def test_request_through_a_proxy_does_not_count_as_from_this_machine(header: str) -> None:
    async with running() as site:
        shown = await site.get(**{header: "for=127.0.0.1"})
        assert shown.startswith("403 this request comes through a proxy")


async def test_ingress_of_a_trusted_proxy_needs_no_token() -> None:
    options = 'listen = "127.0.0.1:0"\ntrusted_proxies = ["127.0.0.1"]'
    async with running(options, TOKEN) as site:
        assert await site.get(X_Ingress_Path="/api/ingress/1") == ALL
        assert (await site.get()).startswith("401 ")
    async with running('listen = "127.0.0.1:0"', TOKEN) as site:  # not trusted
        assert (await site.get(X_Ingress_Path="/api/ingress/1")).startswith("401 ")


async def test_configured_token_is_required_everywhere() -> None:
    async with running(rest=TOKEN) as site:
        assert (await site.get()).startswith("401 ")
        assert await site.get(Token="foh-secret-1234") == "listen"
        assert site.service.http.generated_secret == ""


async def test_address_for_others_without_tokens_gets_a_generated_one(folder: Path) -> None:
    async with running('listen = "0.0.0.0:0"') as site:
        secret = site.service.http.generated_secret
        assert len(secret) > 30
        assert (await site.get()).startswith("401 ")
        assert await site.get(Token=secret) == ALL
        assert await site.get("/healthz") == "ok\n"
        assert all(url.endswith(f"/#token={secret}") for url in site_urls(site.service.http))
        file = folder / "state" / "oscbridge" / NAME
        assert file.read_text() == f"{secret}\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    async with running('listen = "0.0.0.0:0"') as site:
        assert site.service.http.generated_secret == secret


def lan() -> list[str]:
    """The address of a machine in a network."""
    return ["192.0.2.10"]


async def test_code_for_a_phone_is_drawn_with_the_address_of_the_network() -> None:
    async with running('listen = "0.0.0.0:0"') as site:
        http = site.service.http
        url = f"http://192.0.2.10:{site.port}/#token={http.generated_secret}"
        assert site_urls(http, lan)[0] == url
        *drawn, shown = site_code(http, lan).splitlines()
        assert shown == url
        assert len(drawn) > 15
        assert set("".join(drawn)) <= set("▀▄█ ")


@pytest.mark.parametrize(
    ("listen", "host", "expected"),
    [
        ("127.0.0.1:0", "127.0.0.1", "http://127.0.0.1:{port}/"),
        ("127.0.0.1:0", "localhost", "http://127.0.0.1:{port}/"),
        ("127.0.0.1:0", "192.0.2.10", ""),
        ("0.0.0.0:0", "192.0.2.10", "http://192.0.2.10:{port}/"),
        ("0.0.0.0:0", "stage.local", "http://stage.local:{port}/"),
        ("0.0.0.0:0", "", ""),
    ],
)
async def test_endpoint_finds_the_pages_for_who_reaches_this_machine_as_a_host(
    listen: str, host: str, expected: str
) -> None:
    async with running(f'listen = "{listen}"') as site:
        found = site.service.app.site_link.url_for(host)
        assert found == site_url(site.service.http, host) == expected.format(port=site.port)


async def test_generated_token_ends_when_one_is_configured() -> None:
    async with running('listen = "0.0.0.0:0"') as site:
        secret = site.service.http.generated_secret
        assert await site.get(Token=secret) == ALL
        site.rest = TOKEN
        await site.service.reload()
        assert (await site.get(Token=secret)).startswith("401 ")
        assert await site.get(Token="foh-secret-1234") == "listen"
        assert [each.changes for each in RightsPage.instances] == [1]


async def test_proxied_client_has_no_access_once_there_are_no_tokens() -> None:
    async with running(rest=TOKEN) as site:
        assert await site.get(Token="foh-secret-1234", X_Forwarded_For="192.0.2.1") == "listen"
        page = RightsPage.instances[-1]
        site.rest = ""
        await site.service.reload()
        denied = page.renewed()
        assert isinstance(denied, AccessDenied)
        assert "through a proxy" in denied.reason
        assert await site.get(X_Forwarded_For="192.0.2.1") == f"403 {denied.reason}"


async def test_local_client_with_a_token_may_do_everything_once_there_are_none() -> None:
    async with running(rest=TOKEN) as site:
        assert await site.get(Token="foh-secret-1234") == "listen"
        page = RightsPage.instances[-1]
        site.rest = ""
        await site.service.reload()
        granted = page.renewed()
        assert isinstance(granted, AccessGrant)
        assert granted.rights.configures


async def test_ingress_ends_when_its_proxy_is_trusted_no_longer() -> None:
    async with running('listen = "127.0.0.1:0"\ntrusted_proxies = ["127.0.0.1"]', TOKEN) as site:
        assert await site.get(X_Ingress_Path="/api/ingress/1") == ALL
        page = RightsPage.instances[-1]
        site.options = 'listen = "127.0.0.1:0"'
        await site.service.reload()
        assert page.changes == 1
        assert isinstance(page.renewed(), AccessDenied)


async def test_site_of_a_second_plugin_is_named_as_not_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = RunningSite('listen = "127.0.0.1:0"', "", other="oscbridge_other:Page")
    await site.service.start()
    try:
        assert await site.get() == ALL
        assert "the pages of 'rights' are served; those of 'other' are not" in caplog.text
    finally:
        await site.service.stop()


async def test_pages_are_also_below_the_root_path() -> None:
    async with running('listen = "127.0.0.1:0"\nroot_path = "/stage/"') as site:
        assert await site.get("/stage/") == ALL
        assert await site.get("/") == ALL
        assert await site.get("/stage/healthz") == "ok\n"
        assert await site.get("/other/") == "404"


async def test_site_that_cannot_be_imported_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    site = RunningSite('listen = "127.0.0.1:0"', "")
    sites = {"rights": "no_such_module:Page"}
    site.service = Service(App(site.read(), Plugins([])), site.read, "show.toml", sites=sites)
    await site.service.start()
    try:
        assert await site.get() == "404"
        assert await site.get("/healthz") == "ok\n"
        assert "the pages of no_such_module:Page cannot be served" in caplog.text
    finally:
        await site.service.stop()
