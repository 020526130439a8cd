"""What an upstream is told otherwise than it was sent, and who asks otherwise than it was answered: values only."""

import os
import re
from pathlib import Path

import pytest
from multidict import CIMultiDict

from mockserver.server.elsewhere.upstream import Passage, Upstream, is_text, upstream_of

HTTP = Passage(upstream=Upstream(origin="http://real.test"), host="127.0.0.1:8080", base="")
HTTPS = Passage(upstream=Upstream(origin="https://real.test:8443"), host="127.0.0.1:8080", base="/w/anna")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://real.test", "http://real.test"),
        ("https://real.test:8443/", "https://real.test:8443"),
        ("http://REAL.test:80", "http://real.test"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_an_upstream_is_an_origin(url: str, origin: str) -> None:
    found = upstream_of(url)
    assert found is not None
    assert found.origin == origin


@pytest.mark.parametrize(
    "url",
    [
        *("", "real.test", "real.test:80", "//real.test", "ftp://real.test", "file:///etc", "http://", "http://:80"),
        *("http://real.test/api", "http://real.test?a", "http://real.test#a", "http://real.test:port", "http://[::1"),
        *("http://user@real.test", "http://user:secret@real.test", "http://real.test:99999", "http://re al.test"),
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="--forward") as caught:
        upstream_of(url)
    assert "secret" not in str(caught.value)


def test_what_needs_an_upstream_is_nothing_without_one() -> None:
    assert upstream_of(None) is None
    for paths, ca, insecure in ((["/api/*"], None, False), ([], "ca.pem", False), ([], None, True)):
        with pytest.raises(ValueError, match="need --forward"):
            upstream_of(None, paths=paths, ca=ca, insecure=insecure)


def test_a_file_of_certificates_has_some(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape("none.pem: No such file")):
        upstream_of("https://real.test", ca=str(tmp_path / "none.pem"))
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(ValueError, match=re.escape("empty.pem")):
        upstream_of("https://real.test", ca=str(empty))


def test_certificates_are_in_a_regular_file(tmp_path: Path) -> None:
    """A pipe would wait for its writer, for ever."""
    pipe = tmp_path / "ca.pem"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match=rf"^--forward-ca {pipe}: not a regular file"):
        upstream_of("https://real.test", ca=str(pipe))


def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match="matches no path"):
        upstream_of("http://real.test", paths=["api/*"])


@pytest.mark.parametrize(
    ("globs", "path", "is_taken"),
    [
        ((), "/any", True),
        (("/api/*",), "/api/v1/info", True),
        (("/api/*",), "/apis", False),
        (("/a", "/b"), "/b", True),
        (("/a",), "/A", False),
    ],
)
def test_globs_narrow_it(globs: tuple[str, ...], path: str, is_taken: bool) -> None:
    assert Upstream(origin="http://real.test", paths=globs).takes(path) is is_taken


@pytest.mark.parametrize(
    ("url", "port", "is_itself"),
    [
        ("http://localhost:8080", 8080, True),
        ("http://127.0.0.1:8080", 8080, True),
        ("http://127.0.0.1:8081", 8080, False),
        ("http://127.0.0.1", 80, True),
        ("https://127.0.0.1", 80, False),
        ("http://real.test:8080", 8080, False),
    ],
)
def test_a_server_is_not_its_own_upstream(url: str, port: int, is_itself: bool) -> None:
    """Each request would come back to it without an end."""
    found = upstream_of(url)
    assert found is not None
    assert found.is_at(port, ("localhost", "127.0.0.1")) is is_itself


# --- URLs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("https://real.test:8443/a?b#c", "http://127.0.0.1:8080/w/anna/a?b#c"),
        ("https://REAL.test:8443", "http://127.0.0.1:8080/w/anna/"),
        ("//real.test:8443/a", "http://127.0.0.1:8080/w/anna/a"),
        ("/a//b?c", "/w/anna/a//b?c"),
        ("a", "a"),
        ("?a", "?a"),
        ("", ""),
        ("http://real.test:8443/a", "http://real.test:8443/a"),
        ("https://real.test/a", "https://real.test/a"),
        ("https://real.test:8443.evil.example/a", "https://real.test:8443.evil.example/a"),
        ("https://else.test/a", "https://else.test/a"),
        ("mailto:a@b", "mailto:a@b"),
        ("https://[", "https://["),
    ],
)
def test_a_location_of_the_upstream_becomes_ours(theirs: str, ours: str) -> None:
    assert HTTPS.answered(CIMultiDict({"Location": theirs})) == {"Location": ours}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("http://127.0.0.1:8080/w/anna/a?b", "https://real.test:8443/a?b"),
        ("http://127.0.0.1:8080/other", "https://real.test:8443/other"),
        ("http://127.0.0.1:8080/w/annabel/a", "https://real.test:8443/w/annabel/a"),
        ("http://else.test/a", "http://else.test/a"),
    ],
)
def test_a_referer_of_ours_becomes_the_upstreams(ours: str, theirs: str) -> None:
    assert HTTPS.asked(CIMultiDict({"Referer": ours})) == {"Referer": theirs}


# --- headers -------------------------------------------------------------------------------------------------------


def test_what_is_of_one_connection_stays_on_it() -> None:
    headers = CIMultiDict(
        [
            ("Connection", "close, X-Hop"),
            ("X-Hop", "1"),
            *(("Keep-Alive", "timeout=5"), ("TE", "trailers"), ("Transfer-Encoding", "chunked")),
            *(("Upgrade", "h2c"), ("Proxy-Authorization", "Basic x"), ("Trailer", "X"), ("Proxy-Connection", "close")),
            ("X-Kept", "1"),
            ("X-Kept", "2"),
        ]
    )
    for way in (HTTP.asked, HTTP.answered):
        assert list(way(headers).items()) == [("X-Kept", "1"), ("X-Kept", "2")]


def test_what_is_meant_for_us_stays_here() -> None:
    headers = CIMultiDict({"X-Mock-World": "anna", "x-mock-fault": "{}", "Host": "127.0.0.1", "Expect": "100-continue"})
    assert not HTTP.asked(headers)


def test_the_origin_is_the_upstreams() -> None:
    assert HTTPS.asked(CIMultiDict({"Origin": "http://127.0.0.1:8080"})) == {"Origin": "https://real.test:8443"}


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        ("a=1; OCP_MOCK_SESSION=secret; b=2", "a=1; b=2"),
        ("OCP_MOCK_SESSION=secret", None),
        ("a=OCP_MOCK_SESSION", "a=OCP_MOCK_SESSION"),
        ("a=1;b", "a=1;b"),
    ],
)
def test_the_cookie_of_our_session_stays_here(sent: str, passed: str | None) -> None:
    assert HTTP.asked(CIMultiDict({"Cookie": sent})).get("Cookie") == passed


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("id=1; Domain=real.test; Path=/; HttpOnly", "id=1; Path=/w/anna/; HttpOnly"),
        ("id=1; path=/api", "id=1; path=/w/anna/api"),
        ("id=1; Secure; SameSite=Lax", "id=1; SameSite=Lax"),
        ("id=1;Secure;SameSite=None;Partitioned", "id=1"),
        ("id=1; samesite = none ; domain = .real.test", "id=1"),
        ("id=Secure; Max-Age=5", "id=Secure; Max-Age=5"),
        ("__Host-id=1; Secure; Path=/; SameSite=None", "__Host-id=1; Secure; Path=/; SameSite=None"),
        ("__Secure-id=1; Secure; Domain=real.test", "__Secure-id=1; Secure"),
        ("id=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT", "id=1; Expires=Wed, 21 Oct 2099 07:28:00 GMT"),
    ],
)
def test_a_cookie_is_such_that_a_browser_takes_it_from_us(theirs: str, ours: str) -> None:
    assert HTTPS.answered(CIMultiDict({"Set-Cookie": theirs})) == {"Set-Cookie": ours}


def test_several_cookies_stay_several() -> None:
    told = HTTP.answered(CIMultiDict([("Set-Cookie", "a=1; Secure"), ("X", "y"), ("Set-Cookie", "b=2")]))
    assert told.getall("Set-Cookie") == ["a=1", "b=2"]


def test_an_upstream_does_not_change_who_is_logged_in_here() -> None:
    assert not HTTP.answered(CIMultiDict([("Set-Cookie", "OCP_MOCK_SESSION=theirs; Path=/")]))


# --- what is shown of a body ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        ("text/html; charset=utf-8", True),
        ("application/json", True),
        ("application/problem+json", True),
        ("application/x-www-form-urlencoded", True),
        ("application/octet-stream", False),
        ("image/png", False),
        ("application/jsonish", False),
        ("", False),
    ],
)
def test_only_text_is_shown(content_type: str, shown: bool) -> None:
    assert is_text(CIMultiDict({"Content-Type": content_type})) is shown


def test_what_is_compressed_is_none() -> None:
    assert not is_text(CIMultiDict({"Content-Type": "text/html", "Content-Encoding": "gzip"}))
