"""What of a request in the journal is shown in every form."""

from mockserver.contract import credentials
from mockserver.times import MS
from mockserver.world.journal import Asked, Exchange


def sent_headers(asked: Asked) -> list[tuple[str, str]]:
    """As they were sent, but for secrets."""
    raw = [(name.decode("latin-1"), text.decode("utf-8", "replace")) for name, text in asked.raw_headers]
    return list(credentials.shown_headers(raw or asked.headers.items()))


def duration_ms(one: Exchange) -> float | None:
    """By the machine's clock; None while there is no answer."""
    return round((one.ended - one.began) / MS, 3) if one.ended else None
