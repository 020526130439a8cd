"""What each effect puts on the wire, byte by byte: over a raw socket, which hides nothing and repairs nothing."""

import json
import re
import socket
import struct
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from clients import RETRY, TASK, Client, Json, failed_world
from processes import END_S
from raw_sockets import Heard, connected, heard, request

from mockserver import MockServer
from mockserver.server.transport import RANDOM_BYTES

MOMENT_S = 0.05


def told(client: Client, sent: bytes, wait_s: float = END_S, **rule: Any) -> Heard:
    if rule:
        client.admin("POST", "/faults", rule)
    with connected(client.mock.port) as connection:
        connection.settimeout(wait_s)
        connection.sendall(sent)
        return heard(connection)


@pytest.fixture
def plain() -> Iterator[bytes]:
    """The body of an answer that nothing spoils, on a server of its own: a manual clock makes both the same."""
    with MockServer(failed_world()) as mock, Client(mock) as client:
        yield client.get(TASK).content


# --- connections -----------------------------------------------------------------------------------------------------


def test_a_reset_is_a_reset(failed: Client) -> None:
    """ECONNRESET, not an orderly end: the server sends an RST, since SO_LINGER is on with no time to linger."""
    assert told(failed, request(), fault="CONNECTION_RESET_BY_PEER") == (b"", "reset")
    assert told(failed, request(RETRY, "POST", **{"Content-Length": "0"})) == (b"", "reset")


def test_after_a_reset_the_connection_is_dead_in_both_directions(failed: Client) -> None:
    failed.admin("POST", "/faults", {"fault": "CONNECTION_RESET_BY_PEER"})
    with connected(failed.mock.port) as connection:
        connection.sendall(request())
        assert heard(connection).end == "reset"
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0  # the error was told once
        with pytest.raises(OSError, match=r"Broken pipe|reset|not connected"):
            connection.sendall(request())


def test_a_reset_needs_no_linger_of_the_clients(failed: Client) -> None:
    """A client that lingers, with half a request more on its way, sees the same."""
    failed.admin("POST", "/faults", {"fault": "CONNECTION_RESET_BY_PEER"})
    with connected(failed.mock.port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 1))
        connection.sendall(request() + request()[:20])
        assert heard(connection) == (b"", "reset")


def test_an_empty_response_closes_without_a_byte(failed: Client) -> None:
    assert told(failed, request(), fault="EMPTY_RESPONSE") == (b"", "closed")
    assert told(failed, request(RETRY, "POST", **{"Content-Length": "2"}) + b"{}") == (b"", "closed")


def test_a_fault_ends_a_connection_that_has_had_answers_and_its_next_request_is_never_read(failed: Client) -> None:
    failed.admin("POST", "/faults", {"operation": "retrySubtask", "fault": "EMPTY_RESPONSE", "when": "after"})
    with connected(failed.mock.port) as connection:
        connection.sendall(request() + request(RETRY, "POST", **{"Content-Length": "0"}) + request())
        answer = heard(connection)
    assert answer.end in ("closed", "reset")
    assert answer.received.count(b"HTTP/1.1 200 OK") == 1
    assert len(failed.admin("GET", "/requests")["requests"]) == 2


def test_hang_sends_nothing_until_it_is_let_go(failed: Client) -> None:
    failed.admin("POST", "/faults", {"fault": "HANG"})
    with connected(failed.mock.port) as connection:
        connection.settimeout(MOMENT_S)
        connection.sendall(request())
        assert heard(connection) == (b"", "silent")
        failed.admin("DELETE", "/faults/fault-1")
        connection.settimeout(END_S)
        assert heard(connection) == (b"", "closed")


def test_a_malformed_chunk_comes_after_a_good_head(failed: Client) -> None:
    answer = told(failed, request(Origin="http://localhost:3000"), fault="MALFORMED_RESPONSE_CHUNK")
    assert answer.end == "closed"
    assert answer.head.startswith(b"HTTP/1.1 200 OK\r\n")
    head = answer.head.decode().lower()
    assert "\r\ntransfer-encoding: chunked" in head
    assert "\r\nx-mock-rule: fault-1" in head
    assert "\r\nx-mock-contract: deliberately-invalid" in head
    assert "\r\naccess-control-allow-origin: http://localhost:3000" in head
    assert answer.body
    assert not re.match(rb"[0-9a-fA-F]", answer.body), "no chunk begins like this"


# --- random bytes ----------------------------------------------------------------------------------------------------


def noise(seed: int, count: int = 3) -> list[bytes]:
    with MockServer(failed_world(seed=seed)) as mock, Client(mock) as client:
        client.admin("POST", "/faults", {"operation": "getTaskInstance", "fault": "RANDOM_DATA_THEN_CLOSE"})
        found = []
        for _ in range(count):
            client.get("/api/v2/tasks/instances")  # other traffic, which changes nothing
            answer = told(client, request())
            assert answer.end == "closed"
            found.append(answer.received)
        return found


def test_random_data_is_the_same_with_the_same_seed_and_no_http() -> None:
    first, again, other = noise(7), noise(7), noise(8)
    assert first == again
    assert len({*first, *other}) == 6
    assert all(len(one) == RANDOM_BYTES and not one.startswith(b"HTTP") for one in first)


# --- truncation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0, 0.001, 0.25, 0.5, 0.99, 1])
def test_truncation_sends_that_share_under_a_head_that_promises_all(
    failed: Client, plain: bytes, fraction: float
) -> None:
    answer = told(failed, request(), truncateBodyAtFraction=fraction)
    assert answer.end == "closed"
    head = answer.head.decode()
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert f"\r\nContent-Length: {len(plain)}\r\n" in head + "\r\n"
    assert "application/json" in head
    assert answer.body == plain[: int(len(plain) * fraction)]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_truncation_without_keep_alive(failed: Client, plain: bytes, version: str) -> None:
    answer = told(failed, request(version=version, Connection="close"), truncateBodyAtFraction=0.5)
    assert answer == (answer.head + b"\r\n\r\n" + plain[: len(plain) // 2], "closed")


def test_truncation_of_a_head_is_the_head(failed: Client, plain: bytes) -> None:
    answer = told(failed, request(method="HEAD"), truncateBodyAtFraction=0.5)
    assert answer.body == b""
    assert f"Content-Length: {len(plain)}" in answer.head.decode()


# --- dribble ---------------------------------------------------------------------------------------------------------


def pieces(body: bytes) -> list[bytes]:
    """The chunks of a chunked body, the last and empty one included."""
    found = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        found.append(rest[:length])
        assert rest[length : length + 2] == b"\r\n"
        body = rest[length + 2 :]
    return found


@pytest.mark.parametrize("chunks", [1, 2, 5, 7, 50])
def test_dribble_sends_its_pieces(failed: Client, plain: bytes, chunks: int) -> None:
    dribble = {"numberOfChunks": chunks, "totalDuration": 10}
    answer = told(failed, request(Connection="close"), chunkedDribbleDelay=dribble)
    assert "\r\nTransfer-Encoding: chunked" in answer.head.decode()
    assert "content-length" not in answer.head.decode().lower()
    found = pieces(answer.body)
    assert (len(found), found[-1], b"".join(found)) == (chunks + 1, b"", plain)
    sizes = {len(piece) for piece in found[:-1]}
    assert max(sizes) - min(sizes) <= 1


def test_dribble_in_more_pieces_than_there_are_bytes(failed: Client) -> None:
    dribble = {"numberOfChunks": 1000, "totalDuration": 0}
    answer = told(failed, request(Connection="close"), chunkedDribbleDelay=dribble)
    found = pieces(answer.body)
    assert {len(piece) for piece in found[:-1]} <= {1, 2}
    assert json.loads(b"".join(found))["successful"]


def test_a_dribbled_answer_keeps_its_connection(failed: Client) -> None:
    failed.admin("POST", "/faults", {"times": 1, "chunkedDribbleDelay": {"numberOfChunks": 3, "totalDuration": 3}})
    answer = told(failed, request() + request(Connection="close"))
    assert answer.received.count(b"HTTP/1.1 200 OK") == 2


def test_dribble_to_http_1_0_is_plain(failed: Client, plain: bytes) -> None:
    dribble = {"numberOfChunks": 5, "totalDuration": 5}
    answer = told(failed, request(version="1.0"), chunkedDribbleDelay=dribble)
    assert "transfer-encoding" not in answer.head.decode().lower()
    assert f"Content-Length: {len(plain)}" in answer.head.decode()
    assert (answer.body, answer.end) == (plain, "closed")


def test_dribble_of_a_head_is_the_head(failed: Client) -> None:
    dribble = {"numberOfChunks": 5, "totalDuration": 5}
    answer = told(failed, request(method="HEAD", Connection="close"), chunkedDribbleDelay=dribble)
    assert (answer.body, answer.end) == (b"", "closed")
    assert answer.head.startswith(b"HTTP/1.1 200 OK")


def test_the_head_of_a_dribbled_answer_does_not_wait(failed: Client) -> None:
    """It is there while the first piece is an hour away; letting go cuts the body off, without its last chunk."""
    dribble = {"numberOfChunks": 2, "totalDuration": 7_200_000}
    failed.admin("POST", "/faults", {"chunkedDribbleDelay": dribble})
    with connected(failed.mock.port) as connection:
        connection.sendall(request())
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        failed.admin("DELETE", "/faults")
        assert heard(connection) == (b"", "closed")
        assert head.endswith(b"\r\n\r\n")


# --- response --------------------------------------------------------------------------------------------------------

RESPONSES: list[tuple[Json, bytes, str]] = [
    ({"status": 502, "headers": {"Content-Type": "text/html"}, "body": "<坏>"}, "<坏>".encode(), "text/html"),
    ({"status": 200}, b"", ""),
    ({"status": 200, "body": "{"}, b"{", "text/plain; charset=utf-8"),
    ({"status": 200, "body": {"a": [1, None]}}, b'{"a": [1, null]}', "application/json"),
    ({"status": 200, "headers": {"content-type": "text/csv"}, "body": []}, b"[]", "text/csv"),
    ({"status": 599, "body": 0}, b"0", "application/json"),
]  # fmt: skip


@pytest.mark.parametrize(("response", "body", "kind"), RESPONSES, ids=str)
def test_a_response_is_what_it_says(failed: Client, response: Json, body: bytes, kind: str) -> None:
    answer = told(failed, request(Connection="close"), response=response)
    assert answer.body == body
    assert answer.head.startswith(f"HTTP/1.1 {response['status']} ".encode())
    kinds = re.findall(r"(?i)\r\ncontent-type: (.+)", answer.head.decode())
    assert [one.strip() for one in kinds] == ([kind] if kind else [])
    assert f"\r\nContent-Length: {len(body)}\r\n" in answer.head.decode() + "\r\n"


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_that_has_no_body_has_none(failed: Client, status: int) -> None:
    failed.admin("POST", "/faults", {"times": 1, "response": {"status": status}})
    answer = told(failed, request() + request(Connection="close"))
    assert answer.received.startswith(f"HTTP/1.1 {status} ".encode())
    assert answer.body.startswith(b"HTTP/1.1 200 OK")


def test_the_dice_of_a_delay_are_not_those_of_the_noise() -> None:
    """A rule's dice fall in a fixed order: its probability, its delay, its bytes."""
    with MockServer(failed_world(seed=7)) as mock, Client(mock) as client:
        delay = {"type": "uniform", "lower": 0, "upper": 1}
        answer = told(client, request(), fault="RANDOM_DATA_THEN_CLOSE", delayDistribution=delay)
    assert answer.received != noise(7, 1)[0]
    assert answer.received not in (Random(7).randbytes(RANDOM_BYTES), b"")
