"""What looks like a secret in the answers of a real server, by its name or by how it is written, and is not shown."""

import re
from typing import Any, Final

from mockserver.redaction import SECRET_WORD

HIDDEN: Final = "***"
_NAMED: Final = re.compile(rf"(?i){SECRET_WORD}")
_IN_TEXT: Final = (
    re.compile(r"""(?i)(\bauthorization["']?\s{0,9}[:=]\s{0,9}["']?[\w-]{1,40}\s{1,9})([^\s"',]+)"""),
    re.compile(rf"""(?i)((?:{SECRET_WORD})[\w.-]{{0,40}}\\?["']?\s{{0,9}}[:=]\s{{0,9}}\\?["'])([^"'\\\n]+)"""),
    re.compile(rf"""(?i)((?:{SECRET_WORD})[\w.-]{{0,40}}\\?["']?\s{{0,9}}[:=]\s{{0,9}})([^\s"',;&}}\\]+)"""),
    re.compile(rf"""(?i)(--[\w-]{{0,40}}(?:{SECRET_WORD})[a-z]{{0,10}}\s{{1,9}}["']?)([^\s"'-][^\s"']*)"""),
    re.compile(r"(\b(?:mysql|mysqldump|obclient)\b[^\n]{0,400}?\s-p)([^\s-]\S*)"),
    re.compile(r"""(?i)(\bidentified\s{1,9}by\s{1,9}(?:password\s{1,9})?["'])([^"'\n]+)"""),
    re.compile(r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)(.+?)(?=-----END|\Z)", re.DOTALL),
    re.compile(r"(://[^/\s:@]*:)([^/\s@]+)(?=@)"),
)
"""What comes before one, and the secret."""


def hidden(value: Any, found: list[str], name: str) -> Any:
    """JSON without what looks like a secret. `name` is what it goes by; `found` gets the names of those with one."""
    if isinstance(value, dict):
        return {key: hidden(item, found, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [hidden(item, found, name) for item in value]
    if _NAMED.search(name) and isinstance(value, str | int) and not isinstance(value, bool):
        found.append(name)
        return HIDDEN
    if not isinstance(value, str):
        return value
    for pattern in _IN_TEXT:
        value, count = pattern.subn(rf"\g<1>{HIDDEN}", value)
        found += [name] * bool(count)
    return value
