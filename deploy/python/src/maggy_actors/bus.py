"""
The connection to the bus, and conversations over it. A call is answered with one map: ``{'ok': …}`` or ``{'error': {code, …}}``.
Nothing that comes in can end a process: what cannot be taken is answered with an error, or dropped.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import re
import ssl
from typing import Any, Awaitable, Callable, Coroutine, Mapping

import nats
import nats.errors
from nats.aio.client import Client, RawCredentials
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from .access import BLOCK, identity_in, read_credentials, running_server, split_address, token_from_file
from .codec import decode_map, encode
from .errors import MaggyError, RemoteError, describe, to_problem

VERSION = "v1"
LOG_STREAM = "MAGGY_LOG"
BUNDLES, CHECKPOINTS = "maggy-bundles", "maggy-checkpoints"
logger = logging.getLogger("maggy_actors")

Handler = Callable[[dict[str, Any], str], Awaitable[Any]]
DEFAULT_SERVER = "nats://127.0.0.1:4222"


class Bus:
    """One connection; it reconnects for ever. Made with :func:`connect`."""

    def __init__(self, client: Client, server: str) -> None:
        self.client = client
        self.server = server
        self.closing = asyncio.Event()
        """It is not lost, but given up."""
        self.second: Callable[[], Awaitable[Bus]] | None = None
        """Connects by the second credentials of a file: a worker's file has its runners' too."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        return bool(self.client.is_connected)

    async def tell(self, subject: str, payload: Mapping[str, Any]) -> None:
        """Says a message; nobody answers."""
        if not self.client.is_closed:
            await self.client.publish(subject, encode(payload))

    async def ask(self, subject: str, payload: Mapping[str, Any], timeout: float) -> Any:
        """Asks, and gives what comes back under ``ok``. RemoteError, BUS_NO_RESPONDERS, BUS_TIMEOUT, BUS_DISCONNECTED."""
        reply = decode_map((await self.request(subject, encode(payload), timeout)).data, subject)
        if "error" in reply:
            raise RemoteError(reply["error"] if isinstance(reply["error"], dict) else {})
        return reply.get("ok")

    async def request(self, subject: str, data: bytes, timeout: float, headers: dict[str, str] | None = None) -> Msg:
        if not self.connected:
            raise MaggyError("BUS_DISCONNECTED", server=self.server)
        try:
            return await self.client.request(subject, data, timeout=timeout, headers=headers)
        except nats.errors.NoRespondersError as error:
            raise MaggyError("BUS_NO_RESPONDERS", subject=subject) from error
        except (nats.errors.TimeoutError, asyncio.TimeoutError) as error:
            raise MaggyError("BUS_TIMEOUT", subject=subject, ms=round(timeout * 1000)) from error
        except nats.errors.MaxPayloadError as error:
            limit = self.client.max_payload
            raise MaggyError("BUS_TOO_LARGE", bytes=len(data), subject=subject, limit=limit) from error
        except nats.errors.Error as error:
            raise MaggyError("BUS_REFUSED", subject=subject, reason=describe(error)) from error

    async def record(self, subject: str, payload: Mapping[str, Any], message_id: str) -> None:
        """Into the stream that keeps the subject; resolves once it is there. The same id is kept once."""
        reply = await self.request(subject, encode(payload), 5, {"Nats-Msg-Id": message_id})
        fault = json.loads(reply.data).get("error")
        if fault is not None:
            raise MaggyError("BUS_REFUSED", subject=subject, reason=str(fault.get("description")))

    async def answer(self, subject: str, handler: Handler, queue: str = "") -> Subscription:
        """Answers a call of any major version; what the handler raises becomes the reply."""

        async def respond(message: Msg) -> None:
            try:
                require_version(message.subject)
                reply = {"ok": await handler(decode_map(message.data, message.subject), message.subject)}
            except Exception as error:
                if not isinstance(error, MaggyError):
                    # One line: whoever sends nonsense fills no log with traces of ours. They are there to be had with --log-level debug.
                    logger.error("%s: %s", message.subject, " ".join(describe(error).split()))
                    logger.debug("%s", message.subject, exc_info=True)
                reply = {"error": to_problem(error)}
            if message.reply:
                await self.client.publish(message.reply, encode(reply))

        return await self.client.subscribe(any_version(subject), queue=queue, cb=self._apart(respond))

    async def hear(self, subject: str, handler: Handler) -> Subscription:
        """Hears a message; one that is not valid is dropped, with a line in the log."""

        async def take(message: Msg) -> None:
            try:
                require_version(message.subject)
                await handler(decode_map(message.data, message.subject), message.subject)
            except (MaggyError, KeyError, TypeError, ValueError) as error:
                logger.warning("dropped a message on %s: %s", message.subject, " ".join(describe(error).split()))

        return await self.client.subscribe(any_version(subject), cb=self._apart(take))

    def _apart(self, handle: Callable[[Msg], Coroutine[Any, Any, None]]) -> Callable[[Msg], Awaitable[None]]:
        """Each message in a task of its own: one that takes its time holds up nobody."""

        async def begin(message: Msg) -> None:
            task = asyncio.get_running_loop().create_task(handle(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return begin

    async def flush(self) -> None:
        await self.client.flush()

    async def settled(self) -> None:
        """Resolves once all that is being answered is answered."""
        while self._tasks - {asyncio.current_task()}:
            await asyncio.wait(self._tasks - {asyncio.current_task()})

    async def close(self) -> None:
        self.closing.set()
        if not self.client.is_closed:
            await self.client.close()


def any_version(subject: str) -> str:
    """The same subject in any major version, to answer a peer of another one instead of leaving it without a word."""
    first, _, rest = subject.split(".", 2)
    return f"{first}.*.{rest}"


def require_version(subject: str) -> None:
    if subject.split(".")[1] != VERSION:
        raise MaggyError("VERSION_UNSUPPORTED", subject=subject, supported=VERSION)


async def connect(
    server: str | None = None,
    *,
    token: str | None = None,
    creds: str | None = None,
    name: str = "maggy-actors",
    timeout: float = 30,
    on_reconnect: Callable[[], Awaitable[None]] | None = None,
    part: int = 0,
) -> Bus:
    """
    Connects. ``server``: ``nats://TOKEN@host:port``, ``host:port``, several with commas; left out: MAGGY_SERVER, or the server of the
    folder ``.maggy``, or 127.0.0.1:4222. ``token``: left out: MAGGY_TOKEN, or the content of the file MAGGY_TOKEN_FILE. ``creds``: a
    file of NATS credentials; left out: MAGGY_CREDS; of several in it the ``part``-th. Waits ``timeout`` seconds for a server that is not there yet: BUS_UNREACHABLE,
    BUS_UNAUTHORIZED.
    """
    address = server or os.environ.get("MAGGY_SERVER") or running_server() or DEFAULT_SERVER
    urls, in_address = split_address(address)
    label = ",".join(urls)
    secret = in_address.get("token") or token or os.environ.get("MAGGY_TOKEN") or token_from_file()
    credentials = creds or os.environ.get("MAGGY_CREDS")
    client = Client()
    second: Callable[[], Awaitable[Bus]] | None = None
    buses: list[Bus] = []

    async def reconnected() -> None:
        logger.info("connected again to %s", label)
        if on_reconnect is not None:
            await on_reconnect()

    async def disconnected() -> None:
        if buses and not buses[0].closing.is_set():
            logger.warning("lost the connection to %s", label)

    async def failed(error: Exception) -> None:
        logger.debug("%s: %s", label, describe(error))

    options: dict[str, Any] = {"user": in_address.get("user"), "password": in_address.get("password")}
    if credentials:
        text = read_credentials(credentials)
        blocks = re.findall(BLOCK, text, re.DOTALL)
        role, identity = identity_in(credentials, part)
        # Answers come to an inbox that says who asks, and who may answer: drivers.
        options = {"user_credentials": RawCredentials(blocks[part]), "inbox_prefix": f"_INBOX.{role}.{identity}.driver.any"}
        authority = re.search(r"-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----", text, re.DOTALL)
        if authority is not None:
            options["tls"] = ssl.create_default_context(cadata=authority[0])
        if len(blocks) > part + 1:
            second = functools.partial(connect, server, creds=creds, name=name, timeout=timeout, part=part + 1)
    elif not options["user"]:
        options = {"token": secret} if secret else {}
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        try:
            await client.connect(
                servers=urls,
                name=name,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,  # type: ignore[arg-type]
                connect_timeout=5,
                ping_interval=10,
                max_outstanding_pings=2,
                error_cb=failed,
                disconnected_cb=disconnected,
                reconnected_cb=reconnected,
                **options,
            )
            bus = Bus(client, label)
            bus.second = second
            buses.append(bus)
            return bus
        except (OSError, nats.errors.Error, asyncio.TimeoutError) as error:
            if "authorization" in str(error).lower():
                raise MaggyError("BUS_UNAUTHORIZED", server=label) from error
            if loop.time() >= deadline:
                raise MaggyError("BUS_UNREACHABLE", server=label, reason=describe(error)) from error
            client = Client()
            await asyncio.sleep(0.5)
