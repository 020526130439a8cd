"""Raw requests, and what is left of them when bytes are lost, doubled, changed or mixed: decided by a seed alone."""

import gzip
from collections.abc import Iterator
from random import Random
from typing import Final

from clients import RETRY, SUBTASK, TASK, TASKS

JSON: Final = "Content-Type: application/json"
OPERATOR: Final = "Authorization: Basic b3BlcmF0b3I6b3BlcmF0b3I="


def raw(line: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: localhost", *headers]
    if body and not any(header.startswith("Transfer-Encoding") for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


REQUESTS: Final = (
    raw(f"GET {TASKS}"),
    raw(f"GET {TASKS}?page=1&size=10&status=FAILED&sort=id,desc", "Accept: application/json, */*;q=0.1"),
    raw(f"GET {TASK}", OPERATOR, "User-Agent: curl/8.5.0", "Accept-Encoding: gzip, deflate"),
    raw(f"GET {SUBTASK}/log", "Connection: keep-alive", "Cookie: a=b"),
    raw(f"POST {TASK}/downloadDiagnosis", "Authorization: Bearer x"),
    raw(f"HEAD {TASK}", "Connection: close"),
    raw(f"POST {RETRY}", OPERATOR, "Content-Length: 0"),
    raw(f"POST {SUBTASK}/skip", OPERATOR, JSON, body=b"{}"),
    raw(f"POST {TASK}/retry", JSON, "Transfer-Encoding: chunked", body=b"3\r\n{ }\r\n0\r\n\r\n"),
    raw(f"POST {RETRY}", JSON, "Transfer-Encoding: chunked", "Trailer: X", body=b"2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n"),
    raw(f"POST {RETRY}", JSON, "Content-Encoding: gzip", body=gzip.compress(b"{}", mtime=0)),
    raw(f"POST {TASK}/rollback", JSON, "Expect: 100-continue", body=b"[1, 2]"),
    raw(f"GET http://localhost{TASK}?a=%31", "Origin: http://localhost:3000"),
    raw(f"OPTIONS {RETRY}", "Origin: http://a", "Access-Control-Request-Method: POST"),
    raw("OPTIONS *"),
    raw("CONNECT localhost:80"),
    raw(f"GET {TASKS}", "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
    raw("GET /api/v2/tasks%2Finstances/%31000/../x;y#z"),
    raw(f"GET /w/anna{TASK}", "X-Mock-World: berta"),
    raw(f"POST {RETRY}", 'X-Mock-Fault: {"error": {"status": 503, "message": "so"}}', "Prefer: code=500"),
    raw(f"POST {RETRY}", 'X-Mock-Fault: {"violate": "random"}'),
    raw(f"GET {TASK}", 'X-Mock-Fault: {"truncateBodyAtFraction": 0.5}'),
    raw("GET /"),
    raw("GET /openapi.json"),
    raw("GET /__admin/requests?limit=2&kind=api", "Accept: */*"),
    raw("GET /__admin/tasks/1000/subtasks/10001"),
    raw("GET /w/anna/__admin/health"),
    raw("PATCH /__admin/tasks/1000/subtasks/10001", JSON, body=b'{"status": "FAILED"}'),
    raw("POST /__admin/faults", JSON, body=b'{"error": {"status": 500}, "times": 1, "path": "/api/*"}'),
    raw("DELETE /__admin/faults"),
    raw("POST /__admin/clock/advance", JSON, body=b'{"by": "1s"}'),
    raw("POST /__admin/reset"),
)
WORDS: Final = (
    *(b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\0", b"\xff", b"\xc3\xa9", b"%", b"%00", b"%zz", b"?", b"#", b"//"),
    *(b"..", b"0", b"-1", b"9" * 20, b"{", b'"', b"GET ", b" HTTP/1.0", b" HTTP/2.0", b"HTTP/1.1 200 OK\r\n"),
    *(b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: x\r\n"),
    *(b"Connection: close\r\n", b"Content-Encoding: br\r\n", b"Host: a\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"a" * 9000),
)


def mutated(dice: Random) -> bytes:
    data = dice.choice(REQUESTS)
    for _ in range(dice.choice((0, 1, 1, 1, 1, 2, 4))):
        at, end = sorted(dice.randrange(len(data) + 1) for _ in range(2))
        end = min(end, at + dice.choice((1, 1, 1, 2, 4, 10, 1000)))
        match dice.randrange(7):
            case 0:
                data = data[:at] + data[end:]
            case 1:
                data = data[:end] + data[at:]
            case 2:
                data = data[:at] + dice.choice(WORDS) + data[at:]
            case 3:
                data = data[:at] + dice.choice(WORDS) + data[end:]
            case 4:
                data = data[:at] + dice.randbytes(1) + data[at + 1 :]
            case 5:
                data = data[:at] + data[at:end].swapcase() + data[end:]
            case _:
                other = dice.choice(REQUESTS)
                data = data[:at] + other[dice.choice((0, dice.randrange(len(other)))) :]
    return data


def mutations(seed: int, count: int) -> Iterator[list[bytes]]:
    """Each in the parts in which it is sent: mostly one."""
    dice = Random(seed)
    for _ in range(count):
        data = mutated(dice)
        at = dice.choice((0, 0, 0, dice.randrange(len(data) + 1)))
        yield [part for part in (data[:at], data[at:]) if part]
