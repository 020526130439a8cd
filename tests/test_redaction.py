"""What is shown of a request that has secrets in its query or its body: in journals, logs and reports."""

import json

import pytest

from mockserver.redaction import redacted, without_secrets


@pytest.mark.parametrize(
    "body",
    [
        "username=ann&password=hush%21&x=1",
        '{"username": "ann", "password": "hush \\" hush", "x": 1}',
        '{"accessToken":"hush","x":[1]}',
        "client_secret=hush",
        '{"body": "{\\"password\\": \\"hush\\", \\"x\\": 1}"}',
        "{'token': 'hush', 'x': 1}",
        '{"url": "/x?token=hush"}',
        '{"password": "hush',
        '{"user": {"pwd": "hush"}, "apiKey": "hush", "credentials": "hush"}',
    ],
)
def test_no_secret_is_shown(body: str) -> None:
    shown = without_secrets(body.encode()).decode()
    assert "hush" not in shown
    assert "[redacted]" in shown
    assert ("ann" in shown, "x" in shown) == ("ann" in body, "x" in body)


def test_what_is_none_is_shown_as_it_is() -> None:
    body = b'{"name": "a password", "list": ["token"], "sum": 1}'
    assert without_secrets(body) == body


def test_what_was_json_stays_so() -> None:
    body = b'{"token": 12, "secret" : null, "tokens": ["hush"], "passwords": {"a": 1}, "pwd": -1.5}'
    assert json.loads(without_secrets(body)) == {
        **dict.fromkeys(("token", "secret", "pwd"), "[redacted]"),
        **{"tokens": ["hush"], "passwords": {"a": 1}},
    }


def test_a_form_s_values_are_hidden_whole() -> None:
    form = b"token=a,hush&x=1&phrase=b&password=}hush'"
    shown = without_secrets(form, "application/x-www-form-urlencoded; charset=utf-8")
    assert shown == b"token=[redacted]&x=1&phrase=b&password=[redacted]"


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/x?access_token=a,b&y=1", "/x?access_token=[redacted]&y=1"),
        ("/x?PASSWORD=hush#end", "/x?PASSWORD=[redacted]#end"),
        ("/token=1/x?y=1", "/token=1/x?y=1"),
        ("http://ann:hush@host/x?secret=hush", "http://host/x?secret=[redacted]"),
        ("https://sso.test/login?id_token=hush", "https://sso.test/login?id_token=[redacted]"),
        ("/x?", "/x?"),
    ],
)
def test_no_secret_of_a_query_is_shown(target: str, shown: str) -> None:
    assert redacted(target) == shown
