"""
Two workers of one name: drivers would take them for one, and only one would be given trials. Whoever is there first keeps the name: a worker
that starts asks, and ends when it is answered. Of two that start at once, the one with the smaller instance stays. One that was there
before stays, whatever it hears.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Awaitable, Callable

from .bus import VERSION, Bus, logger
from .serve import new_id

_ANSWER = 2.0


class Namesakes:
    """``on_taken`` is called once, when ``taken`` has become true: whatever is said under the name is somebody else's to say."""

    def __init__(self, bus: Bus, worker: str, on_taken: Callable[[], Awaitable[None]]) -> None:
        self._bus = bus
        self._worker = worker
        self._on_taken = on_taken
        self._subject = f"maggy.{VERSION}.worker.{worker}.namesake"
        self._mine = new_id("instance")
        self.is_announced = False
        self._asked_at = -_ANSWER
        self._subscription: Any = None
        self.taken = False

    async def begin(self) -> None:
        self._subscription = await self._bus.hear(self._subject, self._heard)
        await self.connected()

    async def connected(self) -> None:
        """The connection is there, or there again."""
        if not self.is_announced:
            self._asked_at = time.monotonic()
        await self._say(self.is_announced)

    def announced(self) -> None:
        self.is_announced = True

    async def end(self) -> None:
        if self._subscription is not None and self._bus.connected:
            await self._subscription.unsubscribe()

    async def _say(self, there: bool) -> None:
        await self._bus.tell(self._subject, {"instance": self._mine, "there": there})

    async def _heard(self, payload: dict[str, Any], _: str) -> None:
        instance, there = str(payload["instance"]), bool(payload["there"])
        if instance == self._mine or self.taken:
            return
        is_new = not self.is_announced or time.monotonic() - self._asked_at < _ANSWER
        if is_new and (there or instance < self._mine):
            self.taken = True
            await self._on_taken()
        elif there:
            logger.warning("there is another worker named %s: drivers take the two for one; end one of them", self._worker)
        else:
            await self._say(True)
