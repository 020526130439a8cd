"""What no request can be found by is refused: counted, it would be none, and prove anything."""

from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from clients import RETRY, failed_world

from mockserver import MockServer


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": "post"}, r"method: 'post' is none \(did you mean POST\?\)"),
        ({"path": "api/v2/*"}, "path: 'api/v2/.' is none, since it begins with a slash, as '/api/v2/.'"),
        ({"status": "2xx"}, "status: '2xx' is not a decimal Long"),
        ({"status": True}, "status: True is not a decimal Long"),
        ({"task_instance_id": "x"}, "taskInstanceId: 'x' is not a decimal Long"),
        ({"since": "yesterday"}, "not an offset date-time"),
        ({"since": datetime.fromisoformat("2021-08-25")}, "has no time zone"),
        ({"kind": "stubs"}, "kind: 'stubs' is none of api, stub"),
        ({"client_error": "yes"}, "clientError is a bool, not 'yes'"),
        ({"user": 3}, "user is a str, not 3"),
        ({"query": "page=1"}, "query is a Mapping, not 'page=1'"),
        ({"headers": ["X-A"]}, r"headers is a Mapping, not \['X-A'\]"),
    ],
)
def test_it_is_refused_also_where_none_is_wanted(given: Any, message: str) -> None:
    with MockServer(failed_world()) as mock:
        with pytest.raises(ValueError, match=message):
            mock.assert_requested(count=0, **given)
        with pytest.raises(ValueError, match=message):
            mock.requests(**given)


def test_what_can_be_found_is_not() -> None:
    with MockServer(failed_world()) as mock:
        requests.post(mock.url + RETRY, json={"a": [True]})
        id: Any = "1000"
        for found in (mock.requests, mock.assert_requested):
            assert len(found(path="*/retry", method="POST", status=200, kind="api", client_error=False)) == 1
            assert len(found(task_instance_id=id, since=datetime(2021, 1, 1, tzinfo=UTC))) == 1
            assert len(found(json={"a": [True]})) == 1


def test_true_is_not_1() -> None:
    with MockServer(failed_world()) as mock:
        requests.post(mock.url + RETRY, json={"a": [1]})
        mock.assert_requested(json={"a": [1.0]}, count=1)
        mock.assert_requested(json={"a": [True]}, count=0)
