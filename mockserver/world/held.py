"""Answers that are held back: each can be let go at once, by reset, by removing its rule and by shutdown."""

import asyncio


class Held:
    """Waits that belong to rules. Cancelling handlers would not do: a client that hangs up must undo nothing."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], str] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    async def wait(self, rule: str, seconds: float | None) -> bool:
        """True when the time has passed; False if it was let go before. None waits for ever."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[future] = rule
        try:
            done, _ = await asyncio.wait([future], timeout=seconds)
        finally:
            del self._waiting[future]
        return not done

    def let_go(self, *rules: str) -> None:
        """The answers that these rules hold; without any, all of them."""
        for future, rule in self._waiting.items():
            if (not rules or rule in rules) and not future.done():
                future.set_result(None)
