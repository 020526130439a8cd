"""What of a request a stub looks at, with WireMock's meaning of each word: its method and URL, and values in it.

A value that may be there several times fits if one of them does; one that is not there fits `absent` only.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote

from multidict import MultiMapping

from mockserver.stubs.patterns import Pattern

URLS: Final = ("url", "urlPattern", "urlPath", "urlPathPattern", "urlPathTemplate")
WORDS: Final = ("equalTo", "contains", "doesNotContain", "matches", "doesNotMatch", "absent")
ANY: Final = "ANY"
GET_OR_HEAD: Final = "GET_OR_HEAD"
VARIABLE: Final = re.compile(r"\{([^{}/]+)\}")
Json = Mapping[str, Any]
Values = Mapping[str, Sequence[str]]


class Matcher(NamedTuple):
    """Of one value."""

    fits: Callable[[str], bool] | None
    """None: it must not be there."""
    parts: int = 1
    """Of its pattern."""

    @classmethod
    def of(cls, body: Json) -> "Matcher":
        """From a body that has one of WORDS. Raises ValueError for a pattern that is none."""
        match body:
            case {"equalTo": text, "caseInsensitive": True}:
                folded = text.casefold()
                return cls(lambda value: value.casefold() == folded)
            case {"equalTo": text}:
                return cls(lambda value: bool(value == text))
            case {"contains": text}:
                return cls(lambda value: text in value)
            case {"doesNotContain": text}:
                return cls(lambda value: text not in value)
            case {"matches": text}:
                pattern = Pattern(text)
                return cls(pattern.fits, pattern.parts)
            case {"doesNotMatch": text}:
                pattern = Pattern(text)
                return cls(lambda value: not pattern.fits(value), pattern.parts)
        return cls(None)

    def accepts(self, values: Sequence[str]) -> bool:
        return not values if self.fits is None else any(map(self.fits, values))


Matchers = Mapping[str, Matcher]


class Target(NamedTuple):
    """What is asked for, as it was sent: below what names the world."""

    method: str
    url: str
    """Path and query."""

    @property
    def path(self) -> str:
        return self.url.partition("?")[0]

    @property
    def query(self) -> Values:
        return _query(self.url)


@lru_cache(maxsize=16)  # many stubs look at the same one
def _query(url: str) -> Values:
    return parse_qs(url.partition("?")[2], keep_blank_values=True)


class Request(NamedTuple):
    """Which requests a stub answers."""

    method: str
    leads: Callable[[Target], Mapping[str, str] | None]
    """The variables of the path, if that is the URL; None if it is not."""
    path_parameters: Matchers
    query: Matchers
    headers: Matchers
    cookies: Matchers
    target_parts: int
    """So many steps it takes at most for each character of the target, to say whether it `asks_for` that."""
    header_parts: int
    """And of the headers, to say whether it `is_sent_with` these."""

    @classmethod
    def of(cls, body: Json) -> "Request":
        """From a body that has no `problems` (`mapping`)."""
        inside, query, headers, cookies = (
            {name: Matcher.of(one) for name, one in body.get(key, {}).items()}
            for key in ("pathParameters", "queryParameters", "headers", "cookies")
        )
        leads, parts = _url(body)
        return cls(
            method=body.get("method", ANY).upper(),
            leads=leads,
            path_parameters=inside,
            query=query,
            headers=headers,
            cookies=cookies,
            target_parts=parts + _parts(inside) + _parts(query),
            header_parts=_parts(headers) + _parts(cookies),
        )

    def asks_for(self, target: Target) -> bool:
        """Whether method and URL are right: the same for every request of that target."""
        is_method = self.method in (ANY, target.method) or (
            self.method == GET_OR_HEAD and target.method in ("GET", "HEAD")
        )
        variables = self.leads(target) if is_method else None
        if variables is None:
            return False
        inside = {name: [value] for name, value in variables.items()}
        return _all(self.path_parameters, inside) and (not self.query or _all(self.query, target.query))

    def is_sent_with(self, headers: MultiMapping[str]) -> bool:
        """Whether the rest is, too."""
        if self.headers and not all(one.accepts(headers.getall(name, ())) for name, one in self.headers.items()):
            return False
        return not self.cookies or _all(self.cookies, cookies(headers))


def _parts(matchers: Matchers) -> int:
    return sum(one.parts for one in matchers.values())


def _all(matchers: Matchers, values: Values) -> bool:
    return all(one.accepts(values.get(name, ())) for name, one in matchers.items())


def _url(body: Json) -> tuple[Callable[[Target], Mapping[str, str] | None], int]:
    """And its parts, if it is a pattern or a template."""
    nothing: Mapping[str, str] = {}
    match body:
        case {"url": text}:
            return (lambda target: nothing if target.url == text else None), 0
        case {"urlPath": text}:
            return (lambda target: nothing if target.path == text else None), 0
        case {"urlPattern": text}:
            url = Pattern(text)
            return (lambda target: nothing if url.fits(target.url) else None), url.parts
        case {"urlPathPattern": text}:
            path = Pattern(text)
            return (lambda target: nothing if path.fits(target.path) else None), path.parts
        case {"urlPathTemplate": text}:
            return _template(text), 1
    return (lambda target: nothing), 0


def _template(text: str) -> Callable[[Target], Mapping[str, str] | None]:
    """Each variable is one step of the path, or a part of one: then it is all between what stands before and after."""
    steps = [VARIABLE.split(step) for step in text.split("/")]

    def leads(target: Target) -> Mapping[str, str] | None:
        path, found = target.path, dict[str, str]()
        if path.count("/") != len(steps) - 1:
            return None
        for step, (before, *variable) in zip(path.split("/"), steps, strict=True):
            name, after = variable or ("", "")
            inside = step[len(before) : len(step) - len(after)]
            if not (step.startswith(before) and step.endswith(after)) or bool(inside) != bool(variable):
                return None
            if variable:
                found[name] = unquote(inside)
        return found

    return leads


def cookies(headers: MultiMapping[str]) -> Values:
    """By name, in the order in which they were sent."""
    return _cookies(*headers.getall("Cookie", ()))


@lru_cache(maxsize=16)  # many stubs look at the same ones
def _cookies(*headers: str) -> Values:
    found: dict[str, list[str]] = {}
    for header in headers:
        for pair in header.split(";"):
            name, equals, value = pair.strip().partition("=")
            if equals:
                found.setdefault(name, []).append(value.strip().removeprefix('"').removesuffix('"'))
    return found
