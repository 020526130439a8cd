"""An upstream behind TLS, with a certificate that nobody knows: made here, by openssl."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from processes import END_S, needed
from upstreams import Upstream, upstream

from mockserver import MockServer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself, together with its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = [needed("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=upstream", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run([*command, *names, *files], check=True, capture_output=True, timeout=END_S)
    with path.open("a") as both:
        both.write(Path(f"{path}.crt").read_text())
    return path


@pytest.fixture(scope="module")
def system(certificate: Path) -> Iterator[Upstream]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with upstream(tls=context) as running:
        yield running


def test_an_unknown_certificate_is_a_502_that_says_what_helps(system: Upstream) -> None:
    with MockServer(forward=system.url) as mock:
        answer = requests.get(f"{mock.url}/any", timeout=END_S)
    assert answer.status_code == 502
    assert "certificate verify failed" in answer.json()["error"]["message"]
    assert "--forward-ca" in answer.headers["X-Mock-Hint"]
    assert not system.requests


def test_one_that_is_named_is_known(system: Upstream, certificate: Path) -> None:
    with MockServer(forward=system.url, forward_ca=str(certificate)) as mock:
        assert requests.get(f"{mock.url}/any", timeout=END_S).json()["target"] == "/any"


def test_any_will_do_where_that_is_asked_for(system: Upstream) -> None:
    with MockServer(forward=system.url, forward_insecure=True) as mock:
        assert requests.get(f"{mock.url}/any", timeout=END_S).json()["target"] == "/any"


def test_a_certificate_of_another_name_is_none(system: Upstream, certificate: Path) -> None:
    url = system.url.replace("127.0.0.1", "localhost")
    with MockServer(forward=url, forward_ca=str(certificate)) as mock:
        answer = requests.get(f"{mock.url}/any", timeout=END_S)
    assert answer.status_code == 502
    assert "localhost" in answer.json()["error"]["message"]


def test_its_redirects_and_origin_have_its_scheme(system: Upstream) -> None:
    with MockServer(forward=system.url, forward_insecure=True) as mock:
        requests.post(f"{mock.url}/any", headers={"Origin": mock.url}, timeout=END_S)
    assert system.latest.headers["Origin"] == system.url
