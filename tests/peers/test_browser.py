"""Pages that connect: one that the endpoint serves, and those of other sites; in Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from http_server import QuietHandler, http_server
from playwright.sync_api import Browser, Frame, Page, expect, sync_playwright
from programs import find_program
from pythonosc.udp_client import SimpleUDPClient

expect.set_options(timeout=30_000)  # on a busy machine the page takes longer than the usual 5 s

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A foreign name that resolves to this machine.
STRANGER = "stranger.example"
LIVE_PAGE = Path(__file__).parent / "live_page"
"""A page that shows all messages, as users write one."""
SERVED = f'files = "{LIVE_PAGE}"\n'
"""The option of the endpoint that serves it."""
EMPTY = "empty.html"
"""A page beside it that does not connect by itself.

The endpoint's own responses have a policy with which a page cannot connect to anything.
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_program("chromium"),
            args=[*ARGUMENTS, f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page that fails the test for any error on it."""
    page = browser.new_page(viewport={"width": 1000, "height": 620})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def osc(program: Any) -> Iterator[SimpleUDPClient]:
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        yield client


@pytest.fixture
def program(run: Callable[..., Any]) -> Any:
    """A program that serves the page."""
    return run(SERVED)


@pytest.fixture
def live(page: Page, program: Any) -> Page:
    """The page, connected."""
    page.goto(f"http://127.0.0.1:{program.web_port}/")
    expect(page.locator("#state")).to_have_text("connected")
    return page


def row(page: Page, address: str) -> Any:
    return page.locator("tbody tr").filter(has=page.get_by_text(address, exact=True))


def test_page_shows_values_as_they_arrive(live: Page, osc: Any, tmp_path: Path) -> None:
    expect(live.locator("#empty")).to_be_visible()
    osc.send_message("/mixer/ch/01/fader", 0.5)
    shown = row(live, "/mixer/ch/01/fader")
    expect(shown.locator(".value")).to_have_text("0.5")
    expect(shown.locator(".types")).to_have_text(",f")
    expect(live.locator("#empty")).to_be_hidden()
    osc.send_message("/mixer/ch/01/fader", 0.75)
    expect(shown.locator(".value")).to_have_text("0.75")
    expect(live.locator("tbody tr")).to_have_count(1)
    osc.send_message("/mixer/ch/01/name", ["Vocals", True, 7])
    osc.send_message("/cue/next", [])
    osc.send_message("/a/rather/long/address/that/somebody/chose/for/a/sensor", [b"\x00" * 60, 1])
    expect(live.locator("tbody tr")).to_have_count(4)
    expect(row(live, "/mixer/ch/01/name").locator(".value")).to_have_text("Vocals true 7")
    picture = tmp_path / "page.png"
    live.screenshot(path=picture)
    assert picture.stat().st_size > 5_000


def test_addresses_are_sorted(live: Page, osc: Any) -> None:
    for address in ("/b", "/c", "/a"):
        osc.send_message(address, 1)
        expect(row(live, address)).to_be_visible()
    assert live.locator("tbody .address").all_inner_texts() == ["/a", "/b", "/c"]


def test_page_counts_messages(live: Page, osc: Any) -> None:
    for value in range(20):
        osc.send_message("/fader", value)
    expect(row(live, "/fader").locator(".value")).to_have_text("19")
    expect(live.locator("#count")).to_contain_text("20 messages")


def test_text_that_looks_like_html_is_shown_as_text(live: Page, osc: Any) -> None:
    html = '<img src=x onerror="document.title=1"><b>bold</b>'
    osc.send_message("/html", html)
    osc.send_message("/<b>address</b>", 1)
    expect(row(live, "/html").locator(".value")).to_have_text(html)
    expect(row(live, "/<b>address</b>")).to_be_visible()
    expect(live.locator("tbody b, tbody img")).to_have_count(0)
    expect(live).to_have_title("oscbridge")


def test_every_type_is_shown(live: Page, join: Any, program: Any) -> None:
    arguments = {
        "i": (1, "1"),
        "f": (0.1, "0.1"),
        "d": (0.1, "0.1"),
        "h": (str(2**60), str(2**60)),
        "s": ("text", "text"),
        "b": ("AP8Q", "00ff10"),
        "r": ("#11AAFF80", "#11AAFF80"),
        "m": ([1, 144, 60, 127], "[1,144,60,127]"),
        "T": (True, "true"),
        "N": (None, "null"),
        "I": (None, "impulse"),
        "t": ({"raw": [10, 20]}, "10.20"),
    }
    client = join(program, "osc.json")
    for tag, (value, _) in arguments.items():
        typed = {"type": tag, "value": value}
        client.send(json.dumps({"address": f"/type/{tag}", "args": [typed, [typed]]}))
    for tag, (_, text) in arguments.items():
        shown = row(live, f"/type/{tag}")
        expect(shown.locator(".value")).to_have_text(f"{text} [{text}]")
        expect(shown.locator(".types")).to_have_text(f",{tag}[{tag}]")


def test_hidden_addresses_are_counted(live: Page, join: Any, program: Any) -> None:
    client = join(program, "osc.json")
    packets = [{"address": f"/n/{index}"} for index in range(510)]
    client.send(json.dumps({"packets": packets}))
    expect(live.locator("tbody tr")).to_have_count(500)
    expect(live.locator("#count")).to_contain_text("510 messages")
    expect(live.locator("#count")).to_contain_text("10 addresses not shown")


def test_page_reports_a_lost_bridge(page: Page, run: Callable[..., Any]) -> None:
    program = run(SERVED)
    page.goto(f"http://127.0.0.1:{program.web_port}/")
    expect(page.locator("#state")).to_have_text("connected")
    program.terminate()
    expect(page.locator("#state")).to_have_text("disconnected, reconnecting")


# --- pages of other sites ----------------------------------------------------------------------

CONNECT = """url => new Promise(done => {
    document.onsecuritypolicyviolation = event => done(event.violatedDirective);
    const socket = new WebSocket(url, "osc.json");
    const got = [];
    socket.onmessage = event => got.push(event.data);
    socket.onopen = () => setTimeout(() => done("open"), 500);
    socket.onclose = ({ code, reason }) => done([code, reason, got.length]);
})"""


def refused(origin: str, what: str = "pages of this site") -> list[object]:
    """What a page of another site sees: the reason, and no messages."""
    return [4403, f'{what} may not connect; to allow them: origins = ["{origin}"]', 0]


def sandbox(page: Page, program: Any) -> Frame:
    """A frame without an origin: the browser sends the origin "null"."""
    page.goto(f"http://localhost:{program.web_port}/{EMPTY}")
    page.evaluate("""() => {
        const frame = document.createElement("iframe");
        frame.sandbox = "allow-scripts";
        frame.srcdoc = "a frame without a site";
        return new Promise(done => { frame.onload = done; document.body.append(frame); });
    }""")
    return page.frames[1]


def test_page_without_an_origin_is_rejected(page: Page, program: Any) -> None:
    frame = sandbox(page, program)
    assert frame.evaluate(CONNECT, program.url) == refused("null", "pages from files")
    assert "refused a page from 'null'" in program.log


def test_page_from_a_file_sees_why_it_is_rejected_and_no_messages(
    page: Page, run: Callable[..., Any], tmp_path: Path
) -> None:
    program = run("snapshot = true")
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        client.send_message("/secret", 1)
    (tmp_path / "page.html").write_text("<h1>from a file</h1>")
    page.goto(f"file://{tmp_path / 'page.html'}")
    assert page.evaluate(CONNECT, program.url) == refused("null", "pages from files")


OWN_PAGE = """<!doctype html><title>mine</title><link rel="stylesheet" href="style.css">
<h1>My page</h1><pre></pre><script type="module" src="app.js"></script>"""
OWN_SCRIPT = """
const url = new URL("?frame_rate=30&latest=1", location.href);
url.protocol = url.protocol.replace("http", "ws");
const socket = new WebSocket(url, "osc.json"), shown = document.querySelector("pre");
socket.onopen = () => { shown.textContent = "open"; };
socket.onmessage = event => { shown.textContent = event.data; };
"""


def test_own_page_is_served_with_its_files_and_its_changes(
    page: Page, run: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "index.html").write_text(OWN_PAGE)
    (folder / "app.js").write_text(OWN_SCRIPT)
    (folder / "style.css").write_text("h1 { color: rgb(0, 128, 0) }")
    program = run(f'files = "{folder}"')
    page.goto(f"http://127.0.0.1:{program.web_port}/")
    expect(page.locator("pre")).to_have_text("open")
    expect(page.locator("h1")).to_have_css("color", "rgb(0, 128, 0)")
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        client.send_message("/fader", 0.5)
    expect(page.locator("pre")).to_contain_text('"address":"/fader"')
    (folder / "style.css").write_text("h1 { color: rgb(0, 0, 255) }")
    page.reload()
    expect(page.locator("h1")).to_have_css("color", "rgb(0, 0, 255)")


def test_page_under_a_foreign_name_for_this_machine_is_rejected(page: Page, program: Any) -> None:
    page.goto(f"http://{STRANGER}:{program.web_port}/")
    expect(page.locator("body")).to_contain_text("Unknown host name")
    assert f"refused a request to host '{STRANGER}'; to allow it: hosts = " in program.log


def test_page_of_a_listed_site_is_accepted(page: Page, run: Callable[..., Any]) -> None:
    program = run(SERVED + 'origins = ["null"]')
    assert sandbox(page, program).evaluate(CONNECT, program.url) == "open"


def test_page_of_another_port_of_this_machine_is_accepted(
    page: Page, program: Any, run: Callable[..., Any]
) -> None:
    page.goto(f"http://localhost:{program.web_port}/{EMPTY}")
    other = run()
    assert page.evaluate(CONNECT, other.url) == "open"


FETCH = "url => fetch(url).then(async answer => [answer.status, await answer.text()])"


def test_page_whose_name_now_leads_to_this_machine_reads_nothing(
    page: Page, run: Callable[..., Any]
) -> None:
    with strangers_server() as site:
        page.goto(site)
    # From now on the page's own name and port are those of the bridge (DNS rebinding).
    program = run("snapshot = true", port=int(site.rpartition(":")[2]))
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        client.send_message("/secret", 1)
    assert page.evaluate(CONNECT, site.replace("http", "ws")) == [1006, "", 0]
    status, text = page.evaluate(FETCH, f"{site}/")
    assert status == 421
    assert text.startswith("Unknown host name")
    assert page.evaluate(CONNECT, program.url) == refused(site)
    assert f"refused a request to host '{STRANGER}'" in program.log
    assert f"refused a page from '{site}'" in program.log


class EmptyPage(QuietHandler):
    """Answers every request with an empty page."""

    def get(self) -> None:
        self.answer(b"", "text/html")


@contextmanager
def strangers_server() -> Iterator[str]:
    """Another server, under a foreign name."""
    with http_server(EmptyPage) as port:
        yield f"http://{STRANGER}:{port}"


@pytest.fixture
def strangers_site() -> Iterator[str]:
    with strangers_server() as site:
        yield site


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_page_of_another_site_is_rejected(
    page: Page, program: Any, live: Page, browser: Browser, strangers_site: str, host: str
) -> None:
    other = browser.new_page()
    other.goto(strangers_site)
    url = f"ws://{host}:{program.web_port}"
    assert other.evaluate(CONNECT, url) == refused(strangers_site)
    other.close()
    assert f"refused a page from '{strangers_site}'" in program.log
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        client.send_message("/still/there", 1)
    expect(row(live, "/still/there")).to_be_visible()


# --- with a token ------------------------------------------------------------------------------

TOKEN = "Right (and secret) ü"


def token_of(file: Path) -> str:
    """TOML of a token, after the options of the endpoint."""
    return f'[[token]]\nname = "page"\nsecret = {{ file = "{file}" }}'


@pytest.fixture
def locked(run: Callable[..., Any], tmp_path: Path) -> Any:
    """A program that requires a token."""
    (tmp_path / "token").write_text(TOKEN)
    served = locked_page(tmp_path / "web")
    return run(f"snapshot = true\n{served}{token_of(tmp_path / 'token')}")


def locked_page(folder: Path) -> str:
    """The page, where a token is needed, in a new folder. Returns the option that serves it."""
    shutil.copytree(LIVE_PAGE, folder)
    text = (LIVE_PAGE / "index.html").read_text().replace("<html", "<html data-locked", 1)
    (folder / "index.html").write_text(text)
    return f'files = "{folder}"\n'


def say(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Connect").click()


def test_page_asks_for_the_token_and_keeps_it_out_of_the_url(page: Page, locked: Any) -> None:
    page.goto(f"http://127.0.0.1:{locked.web_port}/")
    expect(page.locator("#state")).to_have_text("locked")
    say(page, TOKEN)
    expect(page.locator("#state")).to_have_text("connected")
    expect(page.locator("form")).to_be_hidden()
    with SimpleUDPClient("127.0.0.1", locked.udp_port) as client:
        client.send_message("/fader", 0.5)
    expect(row(page, "/fader").locator(".value")).to_have_text("0.5")
    assert page.url == f"http://127.0.0.1:{locked.web_port}/"
    page.reload()  # the tab keeps it
    expect(page.locator("#state")).to_have_text("connected")
    assert locked.log == ""


def test_page_reports_a_wrong_token_and_asks_again(page: Page, locked: Any) -> None:
    page.goto(f"http://127.0.0.1:{locked.web_port}/")
    for wrong in ("wrong", "also wrong"):
        say(page, wrong)
        expect(page.locator("#why")).to_have_text("wrong token")
        expect(page.locator("#state")).to_have_text("locked")
    say(page, TOKEN)
    expect(page.locator("#state")).to_have_text("connected")
    assert TOKEN not in locked.log


CLOSED = """([url, protocols]) => new Promise(done => {
    document.onsecuritypolicyviolation = event => done(event.violatedDirective);
    const socket = new WebSocket(url, protocols);
    const got = [];
    socket.onmessage = event => got.push(event.data);
    socket.onclose = ({ code, reason }) => done([code, reason, got.length]);
})"""


def test_page_with_a_wrong_token_receives_the_reason_and_no_messages(
    page: Page, locked: Any
) -> None:
    page.goto(f"http://127.0.0.1:{locked.web_port}/{EMPTY}")
    with SimpleUDPClient("127.0.0.1", locked.udp_port) as client:
        client.send_message("/secret", 1)
    protocols = ["osc.json", "osc.token.wrong"]
    assert page.evaluate(CLOSED, [locked.url, protocols]) == [4401, "wrong token", 0]


def test_page_without_a_token_receives_nothing_and_is_closed(page: Page, locked: Any) -> None:
    page.goto(f"http://127.0.0.1:{locked.web_port}/{EMPTY}")
    with SimpleUDPClient("127.0.0.1", locked.udp_port) as client:
        client.send_message("/secret", 1)
    reason = "no token received within 5 s"
    assert page.evaluate(CLOSED, [locked.url, ["osc.json"]]) == [4401, reason, 0]


def test_listening_page_is_closed_when_it_keeps_sending(
    page: Page, run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "ears").write_text("ears-and-secret")
    program = run(f'{SERVED}{token_of(tmp_path / "ears")}\nrights = ["listen"]')
    page.goto(f"http://127.0.0.1:{program.web_port}/{EMPTY}")
    flood = CLOSED.replace(
        "const got",
        """socket.onopen = () => {
            for (let i = 0; i < 200; i++) socket.send(JSON.stringify({ address: "/a" }));
        };
        const got""",
    )
    protocols = ["osc.json", "osc.token.ears-and-secret"]
    code, reason, _ = page.evaluate(flood, [program.url, protocols])
    assert (code, reason) == (4403, "this token may not send that")
    assert "this token may only listen" in program.log


def test_page_works_over_tls(browser: Browser, run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 60"
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "pem")]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command.split(), *files, *names], check=True, capture_output=True)
    program = run(
        f'certificate = "{tmp_path / "pem"}"\nkey = "{tmp_path / "key"}"\n'
        f"{locked_page(tmp_path / 'web')}{token_of(tmp_path / 'token')}"
    )
    assert f"wss://127.0.0.1:{program.web_port}" in program.banner
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"https://localhost:{program.web_port}/")
    say(page, TOKEN)
    expect(page.locator("#state")).to_have_text("connected")
    with SimpleUDPClient("127.0.0.1", program.udp_port) as client:
        client.send_message("/fader", 0.5)
    expect(row(page, "/fader")).to_be_visible()
    context.close()
