"""What a recording hides, and what it leaves as it was."""

import pytest

from mockserver.remote.secrets import hidden


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('export OB_PASSWORD="hush hush" ok', 'export OB_PASSWORD="***" ok'),
        ('{"password": "hush, hush", "x": 1}', '{"password": "***", "x": 1}'),
        (r"{\"passwd\":\"hush\",\"x\":1}", r"{\"passwd\":\"***\",\"x\":1}"),
        ("login --password hush -x", "login --password *** -x"),
        ("obclient -h127.0.0.1 -P2881 -uroot -phush -A", "obclient -h127.0.0.1 -P2881 -uroot -p*** -A"),
        ("alter user root identified by 'hush'", "alter user root identified by '***'"),
        ("Authorization: Bearer hush.hush", "Authorization: Bearer ***"),
        ("token: a;b", "token: ***;b"),
        ("jdbc:mysql://u:hush@h/x?password=hush&y=1", "jdbc:mysql://u:***@h/x?password=***&y=1"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nhush\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
        ),
        ("-----BEGIN PRIVATE KEY-----\nhush", "-----BEGIN PRIVATE KEY-----***"),
    ],
)
def test_a_text_without_its_secrets(text: str, shown: str) -> None:
    found: list[str] = []
    assert hidden(text, found, "log") == shown
    assert set(found) == {"log"}


@pytest.mark.parametrize(
    "text",
    [
        "the password was refused",
        "checks passed: 12",
        "basic authorization is required",
        "identified by 3 rows",
        "mysql is up",
        "a --password-file that is not there",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    found: list[str] = []
    assert hidden(text, found, "log") == text
    assert not found


@pytest.mark.parametrize("name", ["apiKey", "pwd", "dbPass", "privateKey", "ssh_key", "credentials", "accessKey"])
def test_a_value_is_hidden_by_its_name(name: str) -> None:
    assert hidden({name: 12, "x": 1}, [], "context") == {name: "***", "x": 1}
