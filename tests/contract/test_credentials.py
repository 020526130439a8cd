"""What an Authorization header says, and what a signed request has signed: the document's examples, and its edges."""

from base64 import b64encode

import pytest
from multidict import CIMultiDict

from mockserver.contract.credentials import NOBODY, SIGNED, Sent, Signature, parsed, sent_with, signature

SECRET = "2fc0c299cc94c6be266f2ceece765d4d"
HEADERS = {
    "Authorization": f"{SIGNED} cqammmxBpfGjFlto:abc=",
    "Content-Type": "application/json;charset=utf-8",
    "Date": "Tue, 17 Jan 2023 04:14:02 GMT",
    "Host": "ocp.alibaba.net:8080",
}


def signed(target: str, method: str = "GET", body: bytes = b"", *more: tuple[str, str], **headers: str) -> Signature:
    sent = sent_with(method, target, CIMultiDict([*(HEADERS | headers).items(), *more]), body)
    assert sent.signature is not None
    return sent.signature


def ends(target: str) -> list[str]:
    """The last lines of what may have been signed."""
    return [message.split("\n")[-1] for message in signed(target).messages]


def test_the_documents_get() -> None:
    asked = signed("/api/v2/compute/idcs?size=100")
    assert (asked.access_key, asked.sent, asked.date) == ("cqammmxBpfGjFlto", "abc=", HEADERS["Date"])
    assert list(asked.fits(SECRET)) == ["TsQD6HDOuZuJ409m0wdnZPmijlc="]


@pytest.mark.parametrize("values", [["A,1"], ["A", "1"]], ids=str)
def test_the_documents_post(values: list[str]) -> None:
    body = b'{"name":"test01","description":"test","regionId":1}'
    headers = {"Content-Type": "application/json", "Date": "Tue, 17 Jan 2023 09:13:57 GMT"}
    more = [("X-Ocp-Data", value) for value in values]
    asked = signed("/api/v2/compute/idcs", "POST", body, *more, **headers)
    assert asked.messages[0].split("\n")[1] == "186974DB33A090A16D3E2CA35F547B56"
    assert list(asked.fits(SECRET)) == ["XN8P+O+v3vUabB16ZCooq5wMJoY="]


def test_an_empty_part_keeps_its_line() -> None:
    sent = sent_with("post", "/x", CIMultiDict(Authorization=f"{SIGNED} a:b"), b"")
    assert sent.signature is not None
    assert sent.signature.messages == ("POST\n\n\n\n\n\n/x",)


def test_headers_of_ocp_are_sorted_each_with_its_values_as_they_were_sent() -> None:
    more = [("x-ocp-b", "2"), ("X-OCP-A", "z"), ("x-ocp-B", "1, 3"), ("x-other", "no")]
    assert signed("/x", "GET", b"", *more).messages[0].split("\n")[5:] == ["x-ocp-a:z", "x-ocp-b:2,1, 3", "/x"]


@pytest.mark.parametrize(
    ("target", "end"),
    [
        ("/x", "/x"),
        ("/x?", "/x"),
        ("/x?b=2&a=1", "/x?a=1&b=2"),
        ("/x?b&a=", "/x?a=&b="),
        ("/x?a=%e4%b8%8a+~*%2B", "/x?a=%E4%B8%8A%20~%2A%2B"),
        ("/x?a%2Fb=-._~/", "/x?a%2Fb=-._~%2F"),
        ("/x?a=%ff", "/x?a=%FF"),
        ("/x%20y/%7e?a=1", "/x%20y/%7e?a=1"),
        ("http://somewhere:80/x?a=1", "/x?a=1"),
        ("/x?a=b%2Cc", "/x?a=b%2Cc"),
    ],
)
def test_the_query_is_sorted_and_encoded_and_the_path_as_it_was_sent(target: str, end: str) -> None:
    assert ends(target) == [end]


def test_the_comma_between_the_values_of_one_parameter_is_encoded_or_not() -> None:
    assert ends("/x?a=2&b=0&a=1") == ["/x?a=1,2&b=0", "/x?a=1%2C2&b=0"]


def test_a_client_may_not_know_of_its_world() -> None:
    assert ends("/w/anna/api/x?a=1&a=2") == [
        *("/w/anna/api/x?a=1,2", "/w/anna/api/x?a=1%2C2"),
        *("/api/x?a=1,2", "/api/x?a=1%2C2"),
    ]
    assert ends("/w/anna") == ["/w/anna"]
    assert ends("/w/anna/w/b/x") == ["/w/anna/w/b/x", "/w/b/x"], "only the first is one"


@pytest.mark.parametrize("header", [SIGNED, f"{SIGNED} ", f"{SIGNED} a", f"{SIGNED} a:", f"{SIGNED} :b"])
def test_what_has_no_key_or_no_signature(header: str) -> None:
    sent = sent_with("GET", "/x", CIMultiDict(Authorization=header), b"")
    assert (sent.scheme, sent.signature, sent.wrong) == (SIGNED, None, "The signature is not accessKey:signature")


def test_who_sends_nothing_is_nobody() -> None:
    assert sent_with("GET", "/x", CIMultiDict(Cookie="a=b"), b"") is NOBODY


def test_the_scheme_is_read_in_any_case_and_an_unknown_one_is_named() -> None:
    assert sent_with("GET", "/x", CIMultiDict(Authorization=f"{SIGNED.lower()} a:b"), b"").signature is not None
    assert sent_with("GET", "/x", CIMultiDict(Authorization="Bearer a:b"), b"") == Sent(
        wrong="The Authorization scheme is Bearer, not Basic"
    )


@pytest.mark.parametrize("header", ["Bearer", "s3cret", "s3cret of mine"])
def test_what_may_be_a_secret_is_not_repeated(header: str) -> None:
    """One word alone, or one that nobody knows."""
    assert parsed(header).wrong == "The Authorization scheme is not Basic"
    assert parsed("Basic").scheme == "Basic", "but a scheme that is taken is one"


def test_what_is_not_utf_8_is_read_as_latin_1() -> None:
    assert parsed("Basic " + b64encode(b"\xe9:\xff").decode()) == Sent("é", "ÿ", scheme="Basic")


def test_a_secret_may_have_any_letter() -> None:
    assert signature("sécret 上", "GET") == signature("sécret 上", "GET") != signature("secret", "GET")


@pytest.mark.parametrize("token", ["YTp*i", "YTpi YTpi"])
def test_a_sign_that_is_not_of_base64_is_not_passed_over(token: str) -> None:
    """`YTpi` is `a:b`."""
    assert parsed("Basic YTpi") == Sent("a", "b", scheme="Basic")
    assert parsed(f"Basic {token}").wrong == "The Basic credentials are not base64"
