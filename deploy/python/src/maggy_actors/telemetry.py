"""
What trials report and print, on its way into the telemetry stream.
I1 A point is recorded once, in order, however often its batch has to be said: batches carry the index of their first point.
I2 What a server that was killed had acknowledged and not yet written is said again, with the same ids, when the bus is back.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, Mapping

from .bus import VERSION, Bus, logger
from .errors import MaggyError

_MOST_POINTS = 1024
_MOST_LINES = 10_000
_UNSURE_SECONDS = 10.0


class Telemetry:
    def __init__(self, bus: Bus, worker: str, author: str) -> None:
        self._bus = bus
        self._worker = worker
        self._author = author
        self._points: dict[str, list[Mapping[str, Any]]] = {}
        self._first: dict[str, int] = {}
        self._lines: dict[str, list[Mapping[str, Any]]] = {}
        self._said: dict[str, int] = {}
        self._refs: dict[str, dict[str, Any]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._serial = 0
        self._unsure: deque[tuple[float, str, Mapping[str, Any], str]] = deque(maxlen=4096)

    def speak_by(self, bus: Bus) -> None:
        """By another connection from now on."""
        self._bus = bus

    def point(self, attempt: dict[str, Any], point: Mapping[str, Any]) -> None:
        self._points.setdefault(self._key(attempt), []).append(point)
        self._work(attempt)

    def line(self, attempt: dict[str, Any], source: str, text: str) -> None:
        key = self._key(attempt)
        count = self._said[key] = self._said.get(key, 0) + 1
        if count > _MOST_LINES + 1:
            return
        if count > _MOST_LINES:
            source, text = "log", f"… more than {_MOST_LINES} lines: the rest is left out"
        self._lines.setdefault(key, []).append({"at": time.time() * 1000, "from": source, "text": text})
        self._work(attempt)

    async def flushed(self, attempt: dict[str, Any]) -> None:
        """Returns once all of an attempt so far is recorded; it is then forgotten."""
        key = self._key(attempt)
        task = self._tasks.get(key)
        if task is not None:
            await task
        for book in (self._first, self._said, self._refs):
            book.pop(key, None)

    async def repeat(self) -> None:
        """After an outage: what the server may have lost."""
        oldest = time.monotonic() - _UNSURE_SECONDS
        for at, subject, payload, message_id in list(self._unsure):
            if at >= oldest:
                await self._until_kept(subject, payload, message_id)

    def _key(self, attempt: dict[str, Any]) -> str:
        key = f"{attempt['experiment']}/{attempt['trial']}/{attempt['attempt']}"
        self._refs[key] = attempt
        return key

    def _work(self, attempt: dict[str, Any]) -> None:
        key = self._key(attempt)
        if key not in self._tasks:
            task = self._tasks[key] = asyncio.get_running_loop().create_task(self._send(key))
            task.add_done_callback(lambda _: self._tasks.pop(key, None))

    async def _send(self, key: str) -> None:
        ref = self._refs[key]
        tail = f"{ref['experiment']}.{ref['trial']}"
        head = f"maggy.{VERSION}.worker.{self._worker}"
        await asyncio.sleep(0)  # what comes at once goes together
        while self._points.get(key) or self._lines.get(key):
            points = self._points.pop(key, [])
            for at in range(0, len(points), _MOST_POINTS):
                batch = points[at : at + _MOST_POINTS]
                first = self._first.get(key, 0)
                payload = {"attempt": ref["attempt"], "first": first, "points": batch}
                await self._record(f"{head}.metrics.{tail}", payload, f"{key}/{self._author}/{first}")
                self._first[key] = first + len(batch)
            lines = self._lines.pop(key, [])
            for at in range(0, len(lines), _MOST_POINTS):
                self._serial += 1
                payload = {"attempt": ref["attempt"], "lines": lines[at : at + _MOST_POINTS]}
                await self._record(f"{head}.output.{tail}", payload, f"{self._author}-{self._serial}")

    async def _record(self, subject: str, payload: Mapping[str, Any], message_id: str) -> None:
        await self._until_kept(subject, payload, message_id)
        self._unsure.append((time.monotonic(), subject, payload, message_id))

    async def _until_kept(self, subject: str, payload: Mapping[str, Any], message_id: str) -> None:
        pause = 0.02
        while True:
            try:
                return await self._bus.record(subject, payload, message_id)
            except MaggyError as error:
                logger.debug("%s is said again: %s", subject, error)
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)
