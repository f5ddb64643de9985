"""
The process in which a worker's function runs, one trial after the other. It says what happens over a pipe; when the worker is gone, it goes
too, whatever runs in it.
"""

from __future__ import annotations

import math
import os
import random
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any, Callable, Mapping, TextIO, cast

from .codec import metrics_of, plain
from .errors import MaggyError, describe, stack_of
from .parameter import is_whole
from .sessions import call_by_name

OBJECTIVE = ("hparams", "reporter", "seed", "objectives", "trial", "experiment", "context")


class EarlyStop(BaseException):
    """Raised by ``reporter.report`` when the trial is to end: let it pass. ``except Exception`` does not catch it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the trial is stopped: {reason}")
        self.reason = reason


class Reporter:
    """How a function tells what it measures while it runs, and hears that it is to stop."""

    def __init__(self, send: Callable[..., None], objectives: list[str]) -> None:
        self._send = send
        self._objectives = objectives
        self._step = -1
        self.points = 0
        self.latest: dict[str, float | None] = {}
        self.stop_reason: str | None = None
        """pruned, cancelled, superseded or timeout, as soon as the trial is to end."""

    def report(self, values: float | Mapping[str, float], step: int | None = None) -> None:
        """A number, or numbers by name, at a step (left out: one more than the last). Raises EarlyStop, REPORT_INVALID, REPORT_STEP_BACK."""
        named = values if isinstance(values, Mapping) else {_single(self._objectives): values}
        at = self._step + 1 if step is None else step
        if not is_whole(at) or at < 0:
            raise MaggyError("REPORT_INVALID", reported=f"step {step!r}")
        if at < self._step:
            raise MaggyError("REPORT_STEP_BACK", step=at, last=self._step)
        metrics = metrics_of(named)
        self._step = int(at)
        self.points += 1
        self.latest.update(metrics)
        self._send("point", {"step": self._step, "at": _now(), "values": metrics})
        if self.stop_reason is not None:
            raise EarlyStop(self.stop_reason)


def _single(objectives: list[str]) -> str:
    return objectives[0] if objectives else "value"


def _now() -> float:
    return time.time() * 1000


class Runner:
    def __init__(self, connection: Connection, objective: Callable[..., Any]) -> None:
        self._connection = connection
        self._objective = objective
        self._lock = threading.Lock()
        self._assigned = threading.Condition()
        self._next: dict[str, Any] | None = None
        self._key = ""
        self._reporter: Reporter | None = None
        self._early: dict[str, str] = {}

    def run(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        sys.stdout = cast(TextIO, _Lines(self, "stdout"))
        sys.stderr = cast(TextIO, _Lines(self, "stderr"))
        self.send("ready")
        while True:
            with self._assigned:
                while self._next is None:
                    self._assigned.wait()
                assignment, self._next = self._next, None
            self._attempt(assignment)

    def send(self, kind: str, *rest: Any) -> None:
        with self._lock:
            try:
                self._connection.send((kind, self._key, *rest))
            except OSError:
                os._exit(1)

    def _listen(self) -> None:
        while True:
            try:
                kind, key, said = self._connection.recv()
            except (EOFError, OSError):
                os._exit(1)
            if kind == "assign":
                with self._assigned:
                    self._next = {**said, "key": key}
                    self._assigned.notify()
            elif kind == "stop":
                if key == self._key and self._reporter is not None:
                    self._reporter.stop_reason = said
                else:
                    self._early = {key: said}

    def _attempt(self, assignment: dict[str, Any]) -> None:
        objectives = list(assignment["objectives"])
        reporter = Reporter(self.send, objectives)
        reporter.stop_reason = self._early.pop(assignment["key"], None)
        self._key, self._reporter = assignment["key"], reporter
        started_at = _now()
        self.send("started", started_at)
        seed = int(assignment["seed"])
        random.seed(seed)
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            numpy.random.seed(seed)
        given = {
            "hparams": assignment["hparams"],
            "reporter": reporter,
            "seed": seed,
            "objectives": objectives,
            "trial": assignment["attempt"]["trial"],
            "experiment": assignment["attempt"]["experiment"],
            "context": assignment["contextName"],
        }
        try:
            metrics = metrics_from(call_by_name(self._objective, given), objectives)
            outcome: dict[str, Any] = {"kind": "done", "metrics": metrics}
        except EarlyStop as stop:
            outcome = {"kind": "stopped", "reason": stop.reason, "metrics": reporter.latest}
        except MaggyError as error:
            outcome = {"kind": "failed", "problem": error.problem()}
        except Exception as error:
            fault = MaggyError("TRAIN_FAILED", reason=describe(error)[:2048]).problem()
            outcome = {"kind": "failed", "problem": {**fault, "stack": stack_of(error)}}
        sys.stdout.flush()
        sys.stderr.flush()
        self.send("ended", outcome, started_at, _now(), reporter.points)
        self._key, self._reporter = "", None


class _Lines:
    """Whole lines of what is printed, said to the worker."""

    def __init__(self, runner: Runner, source: str) -> None:
        self._runner = runner
        self._source = source
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._runner.send("line", self._source, line[:8192])
        return len(text)

    def flush(self) -> None:
        if self._rest:
            self.write("\n")

    def isatty(self) -> bool:
        return False

    @property
    def encoding(self) -> str:
        return "utf-8"

    def fileno(self) -> int:
        raise OSError("the output of a trial has no file")


def metrics_from(result: object, objectives: list[str]) -> dict[str, float]:
    """The numbers in what a function returned. RESULT_INVALID, METRIC_MISSING."""
    try:
        said = plain(result)
    except MaggyError:
        raise MaggyError("RESULT_INVALID", returned=repr(result)[:200]) from None
    named = said if isinstance(said, dict) else {_single(objectives): said}
    for name, value in named.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            shown = "nothing" if value is None else repr(value)[:200]
            raise MaggyError("RESULT_INVALID", returned=f"{name}: {shown}" if isinstance(said, dict) else shown)
    missing = next((name for name in objectives if name not in named), None)
    if missing is not None:
        raise MaggyError("METRIC_MISSING", metric=missing, returned=", ".join(named) or "no number at all")
    return named


def main(connection: Connection, objective: Callable[..., Any]) -> None:
    # Ctrl-C at the terminal reaches all of its processes: the worker ends this one in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Runner(connection, objective).run()
