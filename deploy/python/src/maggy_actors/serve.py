"""
An actor as a process: how it finds the bus, who it is, and how it ends. The first signal drains (what was asked is answered), the second
ends at once.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import re
import secrets
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Awaitable, Callable, Mapping, Protocol, Sequence

from .access import identity_in, require_served
from .bus import VERSION, Bus, connect, logger
from .errors import MaggyError

PACKAGE_VERSION = "0.1.0"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


class Running(Protocol):
    """What an actor is while it runs."""

    async def drain(self) -> None:
        """Takes nothing new, and returns once all that it was asked is answered."""


Start = Callable[[Bus, str], Awaitable[Running]]


def new_id(prefix: str) -> str:
    return f"{prefix}-{''.join(secrets.choice(_ALPHABET) for _ in range(8))}"


def named_in(creds: str | None, role: str) -> str:
    """Credentials say who an actor is; without them it makes an identity up."""
    return identity_in(creds)[1] if creds else new_id(role)


def require_name(name: object) -> str:
    if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        return name
    raise MaggyError("OPTION_INVALID", option="name", reason=f"is {name!r}; letters, digits, - and _ only, at most 100")


def options(description: str) -> argparse.ArgumentParser:
    """The options that every actor has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--server", help="the bus: nats://TOKEN@host:port, host:port, several with commas (MAGGY_SERVER)")
    parser.add_argument("--token", help="where the address has none (MAGGY_TOKEN, or a file: MAGGY_TOKEN_FILE)")
    parser.add_argument("--creds", help="a file of NATS credentials (MAGGY_CREDS)")
    parser.add_argument("--id", help="identity on the bus: letters, digits, - and _")
    parser.add_argument("--log-level", default=os.environ.get("MAGGY_LOG_LEVEL", "info"))
    parser.add_argument("--connect-timeout", type=float, default=30.0, help="seconds to wait for a server that is not there")
    return parser


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None, given: Mapping[str, str | None]) -> argparse.Namespace:
    """The command line comes last, for it is what the person at the terminal wants now."""
    parser.set_defaults(**{key: value for key, value in given.items() if value is not None})
    return parser.parse_args(sys.argv[1:] if argv is None else list(argv))


def run_actor(role: str, arguments: argparse.Namespace, start: Start, serves: str | None = None) -> None:
    """
    Runs an actor until the process is told to end. What cannot be started ends it with a sentence, and an exit code. ``serves``: the name
    that experiments know a plug-in by.
    """
    level = str(arguments.log_level).upper()
    logging.basicConfig(level="CRITICAL" if level == "FATAL" else level, stream=sys.stderr, format="%(levelname)s %(message)s")
    logging.getLogger("nats").setLevel("ERROR")
    try:
        creds = arguments.creds or os.environ.get("MAGGY_CREDS")
        if creds and serves is not None:
            require_served(creds, serves)
        asyncio.run(_run(role, arguments, start))
    except MaggyError as error:
        print(f"{error}; {error.remedy}", file=sys.stderr)
        raise SystemExit(69 if error.code.startswith("BUS_") else 2) from error


async def _run(role: str, arguments: argparse.Namespace, start: Start) -> None:
    identity = arguments.id or named_in(arguments.creds or os.environ.get("MAGGY_CREDS"), role)
    again: list[Callable[[], Awaitable[None]]] = []

    async def reconnected() -> None:
        for one in again:
            await one()

    bus = await connect(
        arguments.server,
        token=arguments.token,
        creds=arguments.creds,
        name=f"{role} {identity}",
        timeout=arguments.connect_timeout,
        on_reconnect=reconnected,
    )
    try:
        running = await start(bus, identity)
        announce = getattr(running, "announce", None)
        if announce is not None:
            again.append(announce)
        # Whoever hears that it is ready may ask at once: the server knows of its subscriptions.
        await bus.flush()
        logger.info("%s %s is ready on %s", role, identity, bus.server)
        await told_to_end(running)
        await running.drain()
        await bus.flush()
    finally:
        await bus.close()


async def told_to_end(running: Running) -> None:
    """Until a signal comes, or the actor ends by itself."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def signalled() -> None:
        if asked.is_set():
            os._exit(143)
        logger.info("told to end: draining; once more ends at once")
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signalled)
    ended = getattr(running, "ended", None)
    waits = [asyncio.ensure_future(asked.wait())]
    if ended is not None:
        waits.append(asyncio.ensure_future(ended.wait()))
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in waits:
        one.cancel()


class Served:
    """A plug-in on the bus: it answers calls, says who it is when somebody calls the roll, and drains."""

    def __init__(self, bus: Bus, role: str, identity: str, threads: int = 1) -> None:
        self.bus = bus
        self.identity = identity
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix=role)
        self._role = role
        self._subscriptions: list[Any] = []
        self._started_at = time.time() * 1000
        self._serves: list[dict[str, Any]] = []
        self._load: Callable[[], int] = lambda: 0

    async def begin(self, serves: list[dict[str, Any]], load: Callable[[], int]) -> None:
        self._serves, self._load = serves, load
        self._subscriptions.append(await self.bus.hear(f"maggy.{VERSION}.actor.*.rollcall", self._called))
        await self.announce()

    async def answers(self, subject: str, handler: Callable[[dict[str, Any], str], Awaitable[Any]], queue: str = "") -> None:
        self._subscriptions.append(await self.bus.answer(subject, handler, queue))

    async def announce(self) -> None:
        info = {
            "role": self._role,
            "serves": self._serves,
            "language": "Python",
            "versions": versions(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "startedAt": self._started_at,
            "load": {"experiments": self._load()},
        }
        await self.bus.tell(f"maggy.{VERSION}.actor.{self.identity}.announce", info)

    async def _called(self, _: dict[str, Any], __: str) -> None:
        await self.announce()

    async def drain(self) -> None:
        for subscription in self._subscriptions:
            if self.bus.connected:
                await subscription.unsubscribe()
        await self.bus.settled()
        self.pool.shutdown(wait=False)


def versions() -> dict[str, str]:
    return {"maggy-actors": PACKAGE_VERSION, "python": platform.python_version()}
