"""
A worker whose trials are calls of a Python function. It offers slots on the bus; drivers lease them and assign trials. It says what it can
do, and is not asked for more: only trials of the experiments that it names, and none that leave out components, train together with
others, or continue another trial's checkpoint.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from typing import Any, Callable, Mapping, Sequence

from .bus import VERSION, Bus
from .errors import MaggyError
from .namesake import Namesakes
from .outbox import Outbox
from .runner import OBJECTIVE
from .runner_process import require_portable
from .serve import options, parsed, run_actor, versions
from .sessions import require_arguments
from .slot import Attempt, Slot, key_of, now_ms
from .telemetry import Telemetry

_BEAT, _LEASE_TTL, _ASK_AFTER, _DELIVERY = 1.0, 5.0, 1.5, 10.0
_UNABLE = ("ablated", "ring", "resumeFrom")
_REMEMBERED = 4096


class Worker:
    """
    ``objective`` is called with those of these arguments that it names: ``hparams``, ``reporter`` (``report(value, step)``), ``seed``,
    ``objectives``, ``trial``, ``experiment``, ``context``; it returns a finite number, or finite numbers by name. It runs in a process of
    its own for each slot, so it is defined at the top level of a module. ``experiments``: the names of the experiments (as they are
    defined) whose trials it stands for. Raises OPTION_INVALID.
    """

    def __init__(
        self,
        objective: Callable[..., Any],
        slots: int = 1,
        labels: Mapping[str, str] | None = None,
        *,
        experiments: Sequence[str],
    ) -> None:
        require_arguments(objective, OBJECTIVE, "objective")
        require_portable(objective)
        if isinstance(experiments, str) or not experiments:
            raise MaggyError("OPTION_INVALID", option="experiments", reason="is no list of names of experiments")
        if not 1 <= slots <= 1024:
            raise MaggyError("OPTION_INVALID", option="slots", reason=f"is {slots}; 1 to 1024")
        self.objective = objective
        self.slots = slots
        self.labels = {"language": "python", **(labels or {})}
        self.experiments = list(experiments)

    def run(
        self,
        *,
        server: str | None = None,
        token: str | None = None,
        creds: str | None = None,
        argv: Sequence[str] | None = None,
    ) -> None:
        """Works until the process is told to end: what runs then ends first. The command line knows --server, --token, --creds, --id."""
        arguments = parsed(options("a worker"), argv, {"server": server, "token": token, "creds": creds})
        run_actor("worker", arguments, self.start)

    async def start(self, bus: Bus, identity: str) -> RunningWorker:
        running = RunningWorker(self, bus, identity)
        await running.begin()
        return running


class RunningWorker:
    """A worker on the bus."""

    def __init__(self, worker: Worker, bus: Bus, identity: str) -> None:
        self._worker = worker
        self._bus = bus
        self._id = identity
        self._started_at = now_ms()
        # Nobody can guess it, and have what is recorded here taken for a copy.
        author = f"{identity}-{secrets.token_hex(8)}"
        self._telemetry = Telemetry(bus, identity, author)
        self._second: Bus | None = None
        self._outbox = Outbox(bus, identity)
        self._draining = False
        self._subscriptions: list[Any] = []
        self._heard: dict[str, float] = {}
        self._taken: dict[str, None] = {}
        self._soon = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Condition()
        # Set with the first slot whose runner is ready: each is offered from then on. Or when no runner can be had.
        self._warm = asyncio.Event()
        self._fault: MaggyError | None = None
        # Set when it ends by itself.
        self.ended = asyncio.Event()
        self._names = Namesakes(bus, identity, self._name_taken)
        self.slots = [
            Slot(number, identity, worker.objective, self._telemetry, self._ended, self._started, self._changed, self._warmed, self._unfit)
            for number in range(worker.slots)
        ]

    async def begin(self) -> None:
        if self._bus.second is not None:
            # Credentials let a worker's runners report, and not the worker itself.
            self._second = await self._bus.second()
            self._telemetry.speak_by(self._second)
        await self._names.begin()
        for slot in self.slots:
            slot.start()
        await self._warm.wait()
        if self._fault is not None:
            await self._close()
            raise self._fault
        here = f"maggy.{VERSION}.call.worker.{self._id}"
        bus = self._bus
        self._subscriptions = [
            await bus.answer(f"{here}.lease", self._lease),
            await bus.answer(f"{here}.release", self._release),
            await bus.answer(f"{here}.assign", self._assign),
            await bus.answer(f"{here}.stop", self._stop),
            await bus.answer(f"{here}.ping", self._ping),
            await bus.hear(f"maggy.{VERSION}.driver.*.beat", self._driver_beat),
            await bus.hear(f"maggy.{VERSION}.driver.*.rollcall", self._roll_called),
            await bus.hear(f"maggy.{VERSION}.actor.*.rollcall", self._who),
        ]
        if self._names.taken:
            # It may have been told before it could be asked anything.
            await self._name_taken()
            await self.drain()
        await self._say_here()
        self._names.announced()
        self._background(self._tick())

    async def announce(self) -> None:
        """After an outage: everybody gets the whole time again."""
        now = asyncio.get_running_loop().time()
        self._heard = {driver: now for driver in self._heard}
        self._background(self._telemetry.repeat())
        self._outbox.wake()
        await self._say_here()
        await self._names.connected()

    async def drain(self) -> None:
        """
        Takes nothing new, lets what runs end, delivers what is owed, says good-bye. Raises why it ends by itself: WORKER_THERE where its
        name is taken, SETUP_FAILED where a runner cannot be started.
        """
        self._draining = True
        for slot in self.slots:
            slot.hand_back_next("drain")
            slot.driver = None
        await self._beat()
        async with self._idle:
            await self._idle.wait_for(lambda: all(slot.running is None for slot in self.slots))
        await self._outbox.empty(_DELIVERY)
        if not self._names.taken:
            await self._bus.tell(f"maggy.{VERSION}.worker.{self._id}.leave", {"reason": "told to end"})
        await self._close()
        if self._names.taken:
            raise MaggyError("WORKER_THERE", worker=self._id)
        if self._fault is not None:
            raise self._fault

    async def _close(self) -> None:
        await self._names.end()
        for task in self._tasks:
            task.cancel()
        for slot in self.slots:
            slot.close()
        if self._second is not None:
            await self._second.close()

    # What the bus asks

    async def _lease(self, payload: dict[str, Any], _: str) -> Any:
        if self._draining:
            raise MaggyError("WORKER_DRAINING", worker=self._id)
        driver, number = payload["driver"], payload["slot"]
        status = self._slot(number).lease(driver)
        self._heard[driver] = asyncio.get_running_loop().time()
        return {"slot": number, "status": status}

    async def _release(self, payload: dict[str, Any], _: str) -> Any:
        self._slot(payload["slot"]).release(payload["driver"])
        return {}

    async def _assign(self, payload: dict[str, Any], _: str) -> Any:
        if self._draining:
            raise MaggyError("WORKER_DRAINING", worker=self._id)
        key = key_of(payload["attempt"])
        for slot in self.slots:
            position = slot.position(key)
            if position is not None:
                return {"position": position}
        # Said again: it has ended meanwhile.
        if key in self._taken:
            return {"position": "running"}
        unable = [field for field in _UNABLE if payload.get(field) is not None]
        if unable:
            attempt = Attempt(payload)
            self._ended(attempt, {"kind": "returned", "reason": f"this worker knows nothing of {', '.join(unable)}"})
            return {"position": "running"}
        position = self._slot(payload["slot"]).assign(payload)
        self._taken[key] = None
        if len(self._taken) > _REMEMBERED:
            del self._taken[next(iter(self._taken))]
        self._changed()
        return {"position": position}

    async def _stop(self, payload: dict[str, Any], _: str) -> Any:
        key = key_of(payload["attempt"])
        if_waiting = payload.get("ifWaiting", False)
        return {"known": any([slot.stop(key, payload["reason"], if_waiting) for slot in self.slots])}

    async def _ping(self, _: dict[str, Any], __: str) -> Any:
        return self._status()

    async def _driver_beat(self, _: dict[str, Any], subject: str) -> None:
        driver = subject.split(".")[3]
        if driver in self._heard:
            self._heard[driver] = asyncio.get_running_loop().time()

    async def _roll_called(self, _: dict[str, Any], subject: str) -> None:
        await self._say_here()
        self._outbox.wake()
        for driver in list(self._heard):
            if driver != subject.split(".")[3]:
                self._background(self._ask_whether(driver))

    async def _who(self, _: dict[str, Any], __: str) -> None:
        await self._say_here()

    # What happens

    async def _name_taken(self) -> None:
        # What is asked of the other one is not answered here.
        for subscription in self._subscriptions:
            await subscription.unsubscribe()
        self._subscriptions = []
        self.ended.set()

    def _started(self, attempt: Attempt, slot: int) -> None:
        ref = attempt.ref
        subject = f"maggy.{VERSION}.worker.{self._id}.started.{ref['experiment']}"
        said = {"trial": ref["trial"], "attempt": ref["attempt"], "slot": slot, "at": attempt.started_at}
        self._background(self._bus.tell(subject, said))

    def _ended(self, attempt: Attempt, outcome: Mapping[str, Any]) -> None:
        ref = attempt.ref
        result = {
            "trial": ref["trial"],
            "attempt": ref["attempt"],
            "slot": attempt.assignment["slot"],
            "outcome": outcome,
            "startedAt": attempt.started_at,
            "endedAt": now_ms(),
            "points": attempt.points,
        }
        # Whoever hears of the end finds all of it recorded.
        self._outbox.put(attempt.key, ref, result, self._telemetry.flushed(ref))
        self._background(self._tell_idle())

    async def _tell_idle(self) -> None:
        async with self._idle:
            self._idle.notify_all()

    def _unfit(self, how: str) -> None:
        """It ends: no runner of a slot can be had."""
        self._fault = self._fault or MaggyError("SETUP_FAILED", part="runner", reason=how)
        self._warm.set()
        self.ended.set()

    def _warmed(self) -> None:
        self._warm.set()
        if self._names.is_announced:
            self._changed()

    def _changed(self) -> None:
        # Several changes in one turn are one beat.
        if not self._soon:
            self._soon = True
            self._background(self._beat())

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_BEAT)
            if not self._bus.connected:
                continue
            holding = {slot.driver for slot in self.slots if slot.driver is not None}
            for driver in holding:
                silent = loop.time() - self._heard.get(driver, -_LEASE_TTL)
                if silent > _LEASE_TTL:
                    self._driver_gone(driver)
                elif silent > _ASK_AFTER:
                    self._background(self._ask_whether(driver))
            self._heard = {driver: at for driver, at in self._heard.items() if driver in holding}
            await self._beat()

    async def _ask_whether(self, driver: str) -> None:
        try:
            await self._bus.ask(f"maggy.{VERSION}.call.driver.{driver}.ping", {}, 1)
        except MaggyError as error:
            # One that does not answer in time may be busy: its beats decide.
            if error.code == "BUS_NO_RESPONDERS":
                self._driver_gone(driver)

    def _driver_gone(self, driver: str) -> None:
        self._heard.pop(driver, None)
        for slot in self.slots:
            slot.release(driver)
        self._changed()

    # What it says

    def _status(self) -> dict[str, Any]:
        return {
            "slots": [slot.status for slot in self.slots if slot.offered],
            "unacknowledged": self._outbox.unacknowledged(),
            "draining": self._draining,
        }

    async def _beat(self) -> None:
        self._soon = False
        if self._names.taken:
            return
        await self._bus.tell(f"maggy.{VERSION}.worker.{self._id}.beat", self._status())

    async def _say_here(self) -> None:
        if self._names.taken:
            return
        worker = self._worker
        info = {
            "worker": self._id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "slots": worker.slots,
            "labels": worker.labels,
            "backend": "python",
            "cores": os.cpu_count() or 1,
            "memoryBytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "versions": versions(),
            "startedAt": self._started_at,
            "can": [],
            "experiments": worker.experiments,
        }
        await self._bus.tell(f"maggy.{VERSION}.worker.{self._id}.announce", {"info": info, "status": self._status()})

    def _slot(self, number: int) -> Slot:
        if 0 <= number < len(self.slots):
            return self.slots[number]
        raise MaggyError("LEASE_UNKNOWN", worker=self._id, slot=number)

    def _background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
