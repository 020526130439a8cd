"""Behind a proxy: which Host and Origin may drive /__admin, what a refusal says, and what the page does then."""

import logging
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Final

import browser
import pytest
import requests
from aiohttp.test_utils import make_mocked_request
from browser import EVIL, Tabs, expect, open_admin
from clients import Client, failed_world
from multidict import CIMultiDict
from panels import Admin, admin
from processes import END_S

from mockserver import MockServer, create_app
from mockserver.admin import guard
from mockserver.contract.errors import Unprocessable
from mockserver.server import runner
from mockserver.server.elsewhere.foreign import normal_origin
from mockserver.world.worlds import Options

tabs = pytest.fixture(browser.tabs)

ALLOWED: Final = "https://console.test:8443"


def refusal(host: str, origin: str | None = None, allowed: tuple[str, ...] = (), **headers: str) -> str | None:
    """Why such a call is refused; None if it is not."""
    options = Options(
        allowed_hosts=frozenset({"name"}), allowed_origins=frozenset(normal_origin(one) for one in allowed)
    )
    sent = CIMultiDict({"Host": host, **({} if origin is None else {"Origin": origin})})
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    try:
        guard.check(options, make_mocked_request("GET", "/__admin/clock", headers=sent))
    except Unprocessable as error:
        return f"{error.status}: {error.message}"
    return None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("name:80", "http://name"),
        ("name", "http://name:80"),
        ("name:443", "https://name"),
        ("name", "https://name:443"),
        ("name", "https://name"),
        ("NAME:8080", "http://name:8080"),
        ("[::1]:80", "http://[::1]"),
    ],
)
def test_default_ports_count_as_none(host: str, origin: str) -> None:
    assert refusal(host, origin) is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("name:80", "https://name"),
        ("name:443", "http://name"),
        ("name:8080", "http://name"),
        ("name", "http://name:8080"),
        ("name", "ftp://name:80"),
        ("name", "http://other"),
    ],
)
def test_another_port_or_name_is_another_origin(host: str, origin: str) -> None:
    assert f"--allow-origin {normal_origin(origin)} would allow it" in str(refusal(host, origin))


@pytest.mark.parametrize(
    "origin", ["null", "", "http://", "http://[", "http://name/", "http://a@name", "http://name:x"]
)
def test_what_is_no_origin_is_foreign_whatever_is_allowed(origin: str) -> None:
    message = str(refusal("name", origin, allowed=("http://name", ALLOWED)))
    assert message.startswith(f"403: the Origin {origin.rpartition('@')[2]} is foreign")
    assert "--allow-origin" not in message


def test_an_allowed_origin_may_whatever_the_host() -> None:
    for origin in (ALLOWED, ALLOWED.upper().replace("HTTPS", "https")):
        assert refusal("127.0.0.1:8080", origin, allowed=(ALLOWED,), Sec_Fetch_Site="cross-site") is None
    assert "--allow-host evil" in str(refusal("evil", ALLOWED, allowed=(ALLOWED,)))
    assert refusal("127.0.0.1:8080", "https://console.test", allowed=(ALLOWED,)) is not None


@pytest.mark.parametrize("text", ["null", "console.test", "http://", "http://a b", "http://a/path", "*", "http://a:x"])
def test_what_is_no_origin_cannot_be_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="is not an origin such as"):
        create_app({"tasks": []}, allowed_origins=[text])


def test_an_application_takes_the_origins_it_is_given(caplog: pytest.LogCaptureFixture) -> None:
    """And logs those that it does not, with the flag: on one line, whatever is sent."""
    app = create_app(failed_world(), allowed_origins=[f"{ALLOWED}/"])
    sockets = runner.bound("127.0.0.1", 0)
    url = f"{runner.url_of('127.0.0.1', sockets)}/__admin/faults"
    fault = {"error": {"status": 503}}
    with caplog.at_level(logging.WARNING, "mockserver"), runner.running_in_thread(app, sockets, grace_s=0.5):
        allowed = requests.post(url, json=fault, headers={"Origin": ALLOWED}, timeout=END_S)
        refused = requests.post(url, json=fault, headers={"Origin": "http://b\xfcro.test"}, timeout=END_S)
        by_name = requests.get(url, headers={"Host": "ocp.test:8080"}, timeout=END_S)
    assert (allowed.status_code, refused.status_code, by_name.status_code) == (201, 403, 403)
    assert not [name for name in allowed.headers if name.lower().startswith("access-control-")], "and still no CORS"
    lines = [record.getMessage() for record in caplog.records]
    assert (
        lines[1] == "GET /__admin/faults: 403: the Host ocp.test:8080 is foreign: --allow-host ocp.test would allow it"
    )
    assert lines[0].startswith("POST /__admin/faults: 403: the Origin http://b")
    assert "--allow-origin http://b" in lines[0]
    assert all(line.isascii() and line.isprintable() for line in lines)


# --- the page, in a browser ----------------------------------------------------------------------------------------


@contextmanager
def rewriting_proxy(port: int) -> Iterator[int]:
    """Passes everything on to a server on this machine, under a Host of its own; on which port."""
    ours = socket.create_server(("127.0.0.1", 0))
    host = re.compile(rb"(?mi)^Host: [^\r]*")
    ends: list[socket.socket] = [ours]

    def pump(source: socket.socket, sink: socket.socket, changes: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(host.sub(b"Host: 127.0.0.1", data) if changes else data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = ours.accept()
                server = socket.create_connection(("127.0.0.1", port))
                ends.extend((client, server))
                Thread(target=pump, args=(client, server, True), daemon=True).start()
                Thread(target=pump, args=(server, client, False), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    try:
        yield ours.getsockname()[1]
    finally:
        for one in ends:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.mark.slow
def test_the_page_behind_a_proxy_that_changes_the_host_shows_and_says(tabs: Tabs, failed: Client) -> None:
    """What it reads is there; what it would change is refused, in words, with the flag."""
    with rewriting_proxy(failed.mock.port) as port:
        page = admin(tabs, f"http://127.0.0.1:{port}")
        expect(page.task(1000)).to_contain_text("FAILED")
        page.press("Step")
        expect(page.alert).to_contain_text(f"--allow-origin http://127.0.0.1:{port} would allow it")


@pytest.mark.slow
def test_the_page_under_a_foreign_name_says_what_is_refused(tabs: Tabs) -> None:
    tabs.allow("Cross-Origin-Opener-Policy header has been ignored")
    with MockServer(failed_world()) as mock:
        page = Admin(open_admin(tabs, f"http://{EVIL}:{mock.port}"))
        expect(page.lost).to_contain_text("The server refuses this page")
        expect(page.lost).to_contain_text(f"--allow-host {EVIL} would allow it")
