"""
A worker's slot: the driver that holds it, the attempt that runs, and the one that waits behind it.
I1 One driver holds it at a time; what runs goes on when the lease ends.
I2 Each attempt that was taken is told about once: what it came to, or that it is handed back.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping

from .bus import logger
from .errors import MaggyError
from .runner_process import RunnerProcess
from .telemetry import Telemetry

Ended = Callable[["Attempt", Mapping[str, Any]], None]

_FAILED_STARTS = 4
"""After so many in a row no further one will help."""
_START_LIMIT = 120
"""Seconds."""


def key_of(attempt: Mapping[str, Any]) -> str:
    return f"{attempt['experiment']}/{attempt['trial']}/{attempt['attempt']}"


@dataclass
class Attempt:
    """An assignment that was taken."""

    assignment: Mapping[str, Any]
    started_at: float | None = None
    latest: dict[str, Any] = field(default_factory=dict)
    points: int = 0
    stopped: str | None = None
    """Why it was told to stop."""
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    @property
    def ref(self) -> dict[str, Any]:
        return dict(self.assignment["attempt"])

    @property
    def key(self) -> str:
        return key_of(self.assignment["attempt"])


class Slot:
    def __init__(
        self,
        number: int,
        worker: str,
        objective: Callable[..., Any],
        telemetry: Telemetry,
        ended: Ended,
        started: Callable[[Attempt, int], None],
        changed: Callable[[], None],
        warmed: Callable[[], None],
        unfit: Callable[[str], None],
    ) -> None:
        self.number = number
        self.driver: str | None = None
        self.running: Attempt | None = None
        self.next: Attempt | None = None
        self.offered = False
        """From when its first runner was ready."""
        self._worker = worker
        self._telemetry = telemetry
        self._ended = ended
        self._started = started
        self._changed = changed
        self._warmed = warmed
        self._unfit = unfit
        self._runner = RunnerProcess(objective, self._heard, self._lost)
        self._closed = False
        """No runner is started any more."""
        self._ready = False
        """Whether the runner that is there has said so."""
        self._failed_starts = 0
        self._limit: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._closed:
            return
        self._runner.start()
        self._limit = asyncio.get_running_loop().call_later(_START_LIMIT, self._late)

    def _late(self) -> None:
        logger.warning("a runner was not ready within %d s: it is killed", _START_LIMIT)
        self._runner.kill()

    @property
    def status(self) -> dict[str, Any]:
        running, following = self.running, self.next
        return {
            "slot": self.number,
            "driver": self.driver,
            "running": running.ref if running else None,
            "next": following.ref if following else None,
        }

    def lease(self, driver: str) -> dict[str, Any]:
        if self.driver not in (None, driver):
            raise MaggyError("SLOT_TAKEN", slot=self.number, worker=self._worker, holder=str(self.driver))
        if self.driver is None and self.next is not None and self.next.assignment["driver"] != driver:
            self._drop_next({"kind": "returned", "reason": "lease"})
        self.driver = driver
        return self.status

    def release(self, driver: str) -> None:
        if self.driver == driver:
            self.driver = None

    def assign(self, assignment: Mapping[str, Any]) -> str:
        if self.driver != assignment["driver"]:
            raise MaggyError("LEASE_UNKNOWN", worker=self._worker, slot=self.number)
        if self._closed:
            raise MaggyError("WORKER_DRAINING", worker=self._worker)
        attempt = Attempt(assignment)
        if self.running is None:
            self._begin(attempt)
            return "running"
        if self.next is not None:
            raise MaggyError("SLOT_TAKEN", slot=self.number, worker=self._worker, holder=str(self.driver))
        self.next = attempt
        return "next"

    def position(self, key: str) -> str | None:
        if self.running is not None and self.running.key == key:
            return "running"
        return "next" if self.next is not None and self.next.key == key else None

    def stop(self, key: str, reason: str, if_waiting: bool = False) -> bool:
        if self.next is not None and self.next.key == key:
            self._drop_next({"kind": "stopped", "reason": reason, "metrics": {}})
            return True
        if self.running is None or self.running.key != key:
            return False
        if not if_waiting:
            self._stop_running(self.running, reason)
        return True

    def hand_back_next(self, reason: str) -> None:
        if self.next is not None:
            self._drop_next({"kind": "returned", "reason": reason})

    def close(self) -> None:
        self._closed = True
        self._stop_waiting()
        self._runner.close()

    def _stop_waiting(self) -> None:
        if self._limit is not None:
            self._limit.cancel()

    def _stop_running(self, attempt: Attempt, reason: str) -> None:
        if attempt.stopped is not None:
            return
        attempt.stopped = reason
        self._runner.say("stop", attempt.key, reason)
        grace = attempt.assignment["graceMs"] / 1000
        # What does not report is killed; what it came to is told when its process is gone.
        attempt.timers.append(asyncio.get_running_loop().call_later(grace, self._runner.kill))

    def _begin(self, attempt: Attempt) -> None:
        self.running = attempt
        self._runner.say("assign", attempt.key, dict(attempt.assignment))

    def _drop_next(self, outcome: Mapping[str, Any]) -> None:
        attempt, self.next = self.next, None
        if attempt is not None:
            self._ended(attempt, outcome)

    def _settle(self, outcome: Mapping[str, Any]) -> None:
        attempt, self.running = self.running, None
        if attempt is None:
            return
        for timer in attempt.timers:
            timer.cancel()
        self._ended(attempt, outcome)
        if self.next is not None:
            following, self.next = self.next, None
            self._begin(following)
        self._changed()

    def _heard(self, kind: str, key: str, said: tuple[Any, ...]) -> None:
        if kind == "ready":
            self._ready = True
            self._stop_waiting()
            if not self.offered:
                self.offered = True
                self._warmed()
            return
        attempt = self.running
        if attempt is None or attempt.key != key:
            return
        if kind == "started":
            attempt.started_at = said[0]
            self._started(attempt, self.number)
            limit = attempt.assignment.get("trialTimeoutMs")
            if limit is not None:
                loop = asyncio.get_running_loop()
                attempt.timers.append(loop.call_later(limit / 1000, self._stop_running, attempt, "timeout"))
        elif kind == "point":
            attempt.points += 1
            attempt.latest.update(said[0]["values"])
            self._telemetry.point(attempt.ref, said[0])
        elif kind == "line":
            self._telemetry.line(attempt.ref, said[0], said[1])
        elif kind == "ended":
            outcome = said[0]
            if outcome["kind"] == "stopped" and outcome["reason"] == "timeout":
                outcome = {"kind": "failed", "problem": _timed_out(attempt)}
            self._settle(outcome)

    def _lost(self, how: str) -> None:
        """The runner has gone: another one takes its place, later each time that one is not ready before it goes."""
        was_ready, self._ready = self._ready, False
        self._stop_waiting()
        attempt = self.running
        if was_ready:
            self._failed_starts = 0
            if attempt is None:
                logger.warning("a runner ended while nothing ran in it (%s): another one is started", how)
        elif attempt is None or attempt.stopped is None:
            self._failed_starts += 1
            logger.warning("a runner ended before it was ready (%s)", how)
        if self._failed_starts < _FAILED_STARTS:
            is_idle_death = was_ready and attempt is None
            delay = 1 if is_idle_death else 0 if self._failed_starts == 0 else 0.1 * 2**self._failed_starts
            asyncio.get_running_loop().call_later(delay, self.start)
        else:
            self._closed = True
            self.hand_back_next("its runner does not start")
            self._unfit(how)
        if attempt is None:
            return
        if attempt.stopped == "timeout":
            self._settle({"kind": "failed", "problem": _timed_out(attempt)})
        elif attempt.stopped is not None:
            self._settle({"kind": "stopped", "reason": attempt.stopped, "metrics": attempt.latest})
        elif not was_ready:
            self._settle({"kind": "returned", "reason": f"its runner ended before it was ready ({how})"})
        else:
            before = "" if attempt.started_at is not None else ", before it began"
            fault = MaggyError("RUNNER_CRASHED", reason=how + before).problem()
            self._settle({"kind": "crashed", "problem": fault})


def _timed_out(attempt: Attempt) -> dict[str, Any]:
    return MaggyError("TRIAL_TIMEOUT", ms=attempt.assignment["trialTimeoutMs"]).problem()


def now_ms() -> float:
    return time.time() * 1000
