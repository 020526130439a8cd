"""What may be shown of a text that has a secret in it, in whatever form it was sent."""

import json
from urllib.parse import quote

import pytest

from mockserver.redaction import REDACTED, shown_headers, shown_json, shown_site, shown_target, shown_text

SECRET = "hunter2"
PART = 'Content-Disposition: form-data; name="password"'


@pytest.mark.parametrize(
    "text",
    [
        f"user=a&password={SECRET}",
        f"user=a&pass%77ord={SECRET}",
        f"password=a {SECRET}",
        f'password=a;b"{SECRET}&user=a',
        f"back={quote(f'http://a/?token={SECRET}', safe='')}",
        f"pass={SECRET}",
        f"sig={SECRET}",
        f"jwt={SECRET}",
        f"http://a/#x&access_token={SECRET}",
        f"mysql://root:{SECRET}@a/b",
        f"password: {SECRET}",
        f"user: a\r\nAuthorization: Bearer {SECRET}\r\n",
        f"{{'password': '{SECRET}'}}",
        f"--b\r\n{PART}\r\n\r\n{SECRET}\r\n--b--\r\n",
        f"--b\r\n{PART}\r\nContent-Type: text/plain\r\n\r\na\r\n{SECRET}\r\n--b--\r\n",
        f'{{"token": "{SECRET}", "cut": "',
        json.dumps({"response": {"body": json.dumps({"token": SECRET})[:-1]}}),
        f'{{"credentials": {{"a": {{"b": 1}}, "c": "{SECRET}"}}',
        f'{{"tokens": [[1], "{SECRET}"]',
        f'{{"tokens": ["]", "{SECRET}"]',
    ],
)
def test_it_is_left_out(text: str) -> None:
    assert SECRET not in shown_text(text)
    assert REDACTED in shown_text(text).replace("%5B", "[").replace("%5D", "]") or "//a/b" in shown_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "page=2&size=10&sort=id,asc",
        "name=a%20b&status=",
        '{"id": 1, "cut": "',
        "2021-08-25T15:09:31+08:00",
        "ssh: connect to host 192.168.0.1 port 22: Connection refused",
        "text/html; charset=utf-8",
        "a@example.invalid, 50%",
        '--b\r\nContent-Disposition: form-data; name="user"\r\n\r\na\r\n--b--\r\n',
    ],
)
def test_what_has_none_is_shown_as_it_is(text: str) -> None:
    assert shown_text(text) == text


def test_of_a_form_only_the_secret_is_left_out() -> None:
    assert shown_text("user=a&password=b c;d&x=1") == f"user=a&password={REDACTED}&x=1"
    part = f'--b\r\n{PART}\r\n\r\n{{}}\r\n--b\r\nContent-Disposition: form-data; name="user"\r\n\r\na\r\n--b--\r\n'
    assert shown_text(part.format(SECRET)) == part.format(REDACTED)


def test_also_a_text_in_json() -> None:
    value = {"url": f"mysql://root:{SECRET}@a/b", "payload": json.dumps({"password": SECRET}), "log": ["a: b"]}
    assert shown_json(value) == {"url": "mysql://a/b", "payload": f'{{"password": "{REDACTED}"}}', "log": ["a: b"]}


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/a?token=b&page=2", f"/a?token={REDACTED}&page=2"),
        ("/a?pass%77ord=b", f"/a?pass%77ord={REDACTED}"),
        ("/a;jsessionid=b?c", f"/a;jsessionid={REDACTED}?c"),
        ("http://a:b@c/d?sign=e", f"http://c/d?sign={REDACTED}"),
        ("/a?b=%E5%8D%87&c", "/a?b=%E5%8D%87&c"),
        ("*", "*"),
    ],
)
def test_a_target(target: str, shown: str) -> None:
    assert shown_target(target) == shown


@pytest.mark.parametrize(
    ("site", "shown"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("[::1]:8080", "[::1]:8080"),
        ("null", "null"),
        ("https://ocp.test:8443", "https://ocp.test:8443"),
        (f"evil, Authorization: Basic {SECRET}", "evil"),
        (f"evil\tAuthorization: Basic {SECRET}", "evil"),
        (f"a:{SECRET}@evil:80", "evil:80"),
        (f"http://a:{SECRET}@evil/?token={SECRET}", "evil/"),
        (f"Authorization:{SECRET}", f"Authorization:{REDACTED}"),
    ],
)
def test_of_a_host_and_an_origin_only_what_can_be_one(site: str, shown: str) -> None:
    assert shown_site(site) == shown
    assert [text for _, text in shown_headers([("Host", site), ("origin", site)])] == [shown, shown]
