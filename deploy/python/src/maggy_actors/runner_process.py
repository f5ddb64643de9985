"""A worker's hold on one runner process: started, spoken to, killed, and started again when it has gone."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Callable

from .errors import MaggyError
from .runner import main

Heard = Callable[[str, str, "tuple[Any, ...]"], None]


def require_portable(objective: Callable[..., Any]) -> None:
    """OPTION_INVALID for a function that another process cannot find."""
    try:
        pickle.dumps(objective)
    except Exception as error:
        reason = "cannot be taken to another process: define it at the top level of a module"
        raise MaggyError("OPTION_INVALID", option="objective", reason=reason) from error


class RunnerProcess:
    """``heard``: what it says, with the attempt's key; ``gone``: that it has ended, and how."""

    def __init__(self, objective: Callable[..., Any], heard: Heard, gone: Callable[[str], None]) -> None:
        self._objective = objective
        self._heard = heard
        self._gone = gone
        self._connection: Connection | None = None
        self._process: BaseProcess | None = None
        self._unsaid: list[tuple[str, str, Any]] = []
        """What was said while one has gone and the next one is not there yet."""

    def start(self) -> None:
        # A fresh interpreter: a fork of one with an event loop and threads in it may stand still for ever.
        context = multiprocessing.get_context("spawn")
        mine, its = context.Pipe()
        process = context.Process(target=main, args=(its, self._objective), daemon=True)
        process.start()
        its.close()
        self._process, self._connection = process, mine
        asyncio.get_running_loop().add_reader(mine.fileno(), self._readable, mine)
        unsaid, self._unsaid = self._unsaid, []
        for words in unsaid:
            self.say(*words)

    def say(self, kind: str, key: str, said: Any) -> None:
        if self._connection is None:
            self._unsaid.append((kind, key, said))
            return
        try:
            self._connection.send((kind, key, said))
        except OSError:
            pass  # it has gone: its end is heard at the pipe

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """For good."""
        self._gone = lambda _: None
        self.kill()
        self._forget()

    def _readable(self, connection: Connection) -> None:
        try:
            while connection.poll():
                kind, key, *rest = connection.recv()
                self._heard(kind, key, tuple(rest))
        except (EOFError, OSError):
            self._forget()

    def _forget(self) -> None:
        connection, process = self._connection, self._process
        self._connection = self._process = None
        if connection is None or process is None:
            return
        asyncio.get_running_loop().remove_reader(connection.fileno())
        connection.close()
        process.join(10)
        code = process.exitcode
        self._gone(f"signal {-code}" if code is not None and code < 0 else f"exit code {code}")
