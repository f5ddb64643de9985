"""Results on their way to a driver: each is kept, and said again, until a driver has acknowledged it."""

from __future__ import annotations

import asyncio
from typing import Any, Mapping

from .bus import VERSION, Bus, logger
from .errors import MaggyError

_FINAL = ("EXPERIMENT_UNKNOWN", "MESSAGE_INVALID", "MESSAGE_MALFORMED", "BUS_TOO_LARGE")
"""No repetition will help."""


class Outbox:
    def __init__(self, bus: Bus, worker: str) -> None:
        self._bus = bus
        self._worker = worker
        self._kept: dict[str, dict[str, Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    def put(self, key: str, attempt: dict[str, Any], result: Mapping[str, Any], before: Any) -> None:
        """``before``: what is awaited first. From now on the attempt counts as unacknowledged."""
        self._kept[key] = attempt
        task = asyncio.get_running_loop().create_task(self._deliver(key, attempt, result, before))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def unacknowledged(self) -> list[dict[str, Any]]:
        return list(self._kept.values())[:1024]

    def wake(self) -> None:
        """A driver has come: what waits is said now."""
        self._woken.set()
        self._woken = asyncio.Event()

    async def empty(self, timeout: float) -> bool:
        """Whether all was taken within the time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        return not self._kept

    async def _deliver(self, key: str, attempt: dict[str, Any], result: Mapping[str, Any], before: Any) -> None:
        await before
        subject = f"maggy.{VERSION}.worker.{self._worker}.done.{attempt['experiment']}"
        pause, substituted = 0.05, False
        while key in self._kept:
            try:
                await self._bus.ask(subject, result, 2)
                self._kept.pop(key, None)
            except MaggyError as error:
                if error.code in _FINAL:
                    logger.warning("the result of %s was refused: %s", key, error)
                    if substituted or error.code == "EXPERIMENT_UNKNOWN":
                        self._kept.pop(key, None)
                        return
                    # What cannot be said as it is, is said as a failure.
                    fault = MaggyError("RESULT_INVALID", returned=f"what cannot be sent: {error.message}"[:2048])
                    result = {**result, "outcome": {"kind": "failed", "problem": fault.problem()}}
                    substituted = True
                    continue
                try:
                    await asyncio.wait_for(self._woken.wait(), pause)
                except asyncio.TimeoutError:
                    pause = min(1.0, pause * 2)
