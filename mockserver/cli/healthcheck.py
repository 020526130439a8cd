"""The command `healthcheck`: asks a server how it is, for a container. It imports no web server and obeys no proxy."""

import argparse
import json
import os
import sys
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses that a server listens on and that nobody can be asked at."""


def run(arguments: argparse.Namespace) -> int:
    """0 if it is healthy, else 1; and says so in one line."""
    where = arguments.url or arguments.port_file
    try:
        base = where = arguments.url or local(arguments.host, arguments.port, arguments.port_file)
        said = asked(base, admin=arguments.admin, timeout_s=arguments.timeout)
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        if isinstance(error, HTTPError):
            text = f"it answers {error.code}"
        print(f"unhealthy: {where}: {' '.join(text.split())}", file=sys.stderr)
        return 1
    print(f"healthy: {base}: {said}")
    return 0


def local(host: str, port: int, port_file: str | None) -> str:
    """Where `serve` listens that has the same flags, or variables. Raises OSError and ValueError of a port file."""
    if port == 0 and port_file is not None:
        if os.path.exists(port_file) and not os.path.isfile(port_file):
            raise ValueError("not a regular file")
        with open(port_file, encoding="ascii") as stream:
            port = int(stream.read(16))
    name = EVERYWHERE.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def asked(base: str, *, admin: bool, timeout_s: float) -> str:
    """What a healthy server says of itself. Raises OSError, HTTPException, and ValueError for what is none of ours."""
    if urlsplit(base).scheme not in ("http", "https"):
        raise ValueError("no http:// URL")
    url = base.rstrip("/") + ("/__admin/health" if admin else "/openapi.json")
    with build_opener(ProxyHandler({})).open(url, timeout=timeout_s) as answer:
        try:
            body = json.load(answer)
        except (ValueError, RecursionError):
            body = None
    if isinstance(body, dict) and admin and body.get("status") == "healthy":
        return f"version {body.get('version')}, tasks: {body.get('tasks')}"
    if isinstance(body, dict) and not admin and "openapi" in body:
        return "it serves"
    raise ValueError("no server of ours")
