"""The system that requests are forwarded to, and what it is told otherwise than was sent: values, and no I/O.

Headers go through as they are, but for those that name one of the two places, and those of one connection alone.
"""

import re
import ssl
from collections.abc import Collection, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs
from multidict import CIMultiDict, MultiMapping

from mockserver.contract.credentials import SESSION
from mockserver.fixtures.source import opened
from mockserver.globs import fits
from mockserver.server.elsewhere.foreign import DEFAULT_PORTS, normal_origin
from mockserver.tasks.value import value

OURS: Final = "x-mock-"
HOP_BY_HOP: Final = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade"),
    )
)
"""RFC 9110, section 7.6.1: those of one connection; and of each, the names that its Connection lists."""
_BOUND_TO_SECURE: Final = ("__secure-", "__host-")
"""Browsers take cookies of these names only with Secure, over http from localhost alone (RFC 6265bis, 4.1.3)."""
_BOUND_TO_ROOT: Final = "__host-"
_NEEDS_SECURE: Final = frozenset({"secure", "partitioned", "samesite=none"})
"""Without the first of them browsers refuse the others."""


@value
class Upstream:
    origin: str
    """`https://ocp.test:8443`"""
    paths: tuple[str, ...] = ()
    """Globs over the path, of which one must match; `*` crosses slashes. None: all paths."""
    tls: ssl.SSLContext | None = None
    """None: as this machine's certificates have it."""

    def takes(self, path: str) -> bool:
        return not self.paths or any(fits(path, glob) for glob in self.paths)

    def is_at(self, port: int, hosts: Collection[str]) -> bool:
        parts = urlsplit(self.origin)
        return (parts.port or DEFAULT_PORTS[parts.scheme]) == port and parts.hostname in hosts


def upstream_of(
    url: str | None, *, paths: Sequence[str] = (), ca: str | None = None, insecure: bool = False
) -> Upstream | None:
    """Raises ValueError: it is a scheme, a host and a port, and the rest is the requests' own; or for a file that has
    no certificates; or without a URL, for anything else."""
    if url is None:
        if paths or ca is not None or insecure:
            raise ValueError("--forward-path, --forward-ca and --forward-insecure need --forward")
        return None
    try:
        parts = urlsplit(url)
        is_origin = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
        origin = normal_origin(f"{parts.scheme}://{parts.netloc}") if parts.scheme in ("http", "https") else ""
    except ValueError:
        is_origin, origin = False, ""
    if not is_origin or not origin:
        raise ValueError(f"--forward: not http:// or https:// with a host and a port, and no more: {_shown(url)}")
    for glob in paths:
        if not glob.startswith(("/", "*")):
            raise ValueError(f"--forward-path {glob!r} matches no path: it begins with a slash, as /api/*")
    return Upstream(origin=origin, paths=tuple(paths), tls=_tls(ca, insecure))


def _shown(url: str) -> str:
    return repr(re.sub(r"//[^/?#]*@", "//…@", url))


def _tls(ca: str | None, insecure: bool) -> ssl.SSLContext | None:
    if ca is None and not insecure:
        return None
    context = ssl.create_default_context()
    try:
        if ca is not None:
            with opened(ca):  # or it is no regular file: a pipe would be waited for
                context.load_verify_locations(ca)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"--forward-ca {ca}: {error.strerror or 'no certificates in PEM'}") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@value
class Passage:
    """Between who asks and the upstream."""

    upstream: Upstream
    host: str
    """Under which we were asked, with its port."""
    base: str
    """What stands before the path with us, and not with the upstream: `/w/anna`, say."""

    @property
    def ours(self) -> str:
        return f"http://{self.host}"

    def there(self, url: str) -> str:
        """A URL of ours, as the upstream's; any other as it is."""
        rest = _below(self.ours, url)
        if rest is None:
            return url
        return self.upstream.origin + (rest[len(self.base) :] if rest.startswith(f"{self.base}/") else rest)

    def here(self, url: str) -> str:
        """A URL of the upstream's, as ours: with a host if it had one."""
        if url.startswith("/") and not url.startswith("//"):
            return self.base + url
        scheme = self.upstream.origin.partition("//")[0] if url.startswith("//") else ""
        rest = _below(self.upstream.origin, scheme + url)
        return url if rest is None else f"{self.ours}{self.base}{rest}"

    def asked(self, headers: MultiMapping[str]) -> CIMultiDict[str]:
        """The headers of a request. Without Host, which follows from the URL, and Expect, which has been answered."""
        sent = _passed(headers)
        for name in [name for name in sent if name.lower().startswith(OURS)]:
            sent.popall(name, None)
        for name in (hdrs.HOST, hdrs.EXPECT):
            sent.popall(name, None)
        if hdrs.ORIGIN in sent:
            sent[hdrs.ORIGIN] = self.upstream.origin
        if hdrs.REFERER in sent:
            sent[hdrs.REFERER] = self.there(sent[hdrs.REFERER])
        if hdrs.COOKIE in sent:
            for others in filter(None, map(_not_ours, sent.popall(hdrs.COOKIE))):
                sent.add(hdrs.COOKIE, others)
        return sent

    def answered(self, headers: MultiMapping[str]) -> CIMultiDict[str]:
        """Those of an answer."""
        told = _passed(headers)
        if hdrs.LOCATION in told:
            told[hdrs.LOCATION] = self.here(told[hdrs.LOCATION])
        for cookie in told.popall(hdrs.SET_COOKIE, ()):
            if cookie.partition("=")[0].strip() != SESSION:  # that is ours: who is logged in here stays so
                told.add(hdrs.SET_COOKIE, self.cookie(cookie))
        return told

    def cookie(self, text: str) -> str:
        """A Set-Cookie, so that a browser that asks us over http takes it, and sends it to us."""
        first, *attributes = text.split(";")
        named = first.strip().lower()
        dropped = set() if named.startswith(_BOUND_TO_SECURE) else _NEEDS_SECURE
        base = "" if named.startswith(_BOUND_TO_ROOT) else self.base
        kept = [first]
        for attribute in attributes:
            name, _, content = (part.strip() for part in attribute.partition("="))
            word = name.lower()
            if word == "domain" or word in dropped or f"{word}={content.lower()}" in dropped:
                continue
            kept.append(f" {name}={base}{content}" if word == "path" and content.startswith("/") else attribute)
        return ";".join(kept)


def _passed(headers: MultiMapping[str]) -> CIMultiDict[str]:
    listed = {name.strip().lower() for text in headers.getall(hdrs.CONNECTION, ()) for name in text.split(",")}
    dropped = HOP_BY_HOP | listed
    return CIMultiDict((name, _written(text)) for name, text in headers.items() if name.lower() not in dropped)


def _written(text: str) -> str:
    """aiohttp writes UTF-8 only, and leaves out what was none: that is taken for Latin-1."""
    if text.isascii() or text.isprintable():
        return text
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _below(origin: str, url: str) -> str | None:
    """Path and more of a URL that is under an origin, with a slash at its start."""
    try:
        parts = urlsplit(url)
        if not parts.scheme or normal_origin(f"{parts.scheme}://{parts.netloc}") != normal_origin(origin):
            return None
    except ValueError:
        return None
    rest = url.partition("//")[2][len(parts.netloc) :]
    return rest if rest.startswith("/") else f"/{rest}"


def _not_ours(cookies: str) -> str:
    if SESSION not in cookies:
        return cookies
    pairs = (pair.strip() for pair in cookies.split(";"))
    return "; ".join(pair for pair in pairs if pair.partition("=")[0].strip() != SESSION)


# --- what is shown of a body ----------------------------------------------------------------------------------------

_TEXT: Final = re.compile(
    r"text/|application/([\w.+-]*\+)?(json|xml|javascript|x-ndjson|x-www-form-urlencoded)\b", re.I
)


def is_text(headers: Mapping[str, str]) -> bool:
    """Whether a body can be shown: what is compressed cannot."""
    return hdrs.CONTENT_ENCODING not in headers and _TEXT.match(headers.get(hdrs.CONTENT_TYPE, "")) is not None
