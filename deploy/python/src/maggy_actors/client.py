"""A client: hands experiments to a driver, and follows their logs."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import secrets
import time
from pathlib import Path
from typing import Any, AsyncIterator, Callable, Mapping, Sequence

import nats.errors

from .bus import BUNDLES, LOG_STREAM, VERSION, Bus, connect
from .codec import decode_map, plain
from .errors import MaggyError, describe

_ABSENT = ("BUS_NO_RESPONDERS", "BUS_TIMEOUT", "BUS_DISCONNECTED", "EXPERIMENT_BUSY")
"""Nobody was there to answer, or whoever was could not answer yet; everything else is an answer."""
_CHUNK = 128 * 1024


def optimization(
    *,
    space: Mapping[str, Mapping[str, Any]],
    trials: int,
    metric: str,
    direction: str,
    optimizer: str | Mapping[str, Any] = "tpe",
    pruner: str | Mapping[str, Any] | None = None,
    hparams: Mapping[str, Any] | None = None,
    enqueue: Sequence[Mapping[str, Any]] = (),
    seed: int = 0,
    parallel: int | None = None,
    labels: Mapping[str, str] | None = None,
    trial_timeout: float | None = None,
    grace: float = 5.0,
    max_attempts: int = 3,
    max_failed: int | None = None,
) -> dict[str, Any]:
    """
    A search, as the context of an experiment. ``optimizer``, ``pruner``: a name, or a map of a name and options; a pruner that somebody
    serves is ``{'name': 'mine', 'served': True}``. Times in seconds. ``labels``: only workers that carry all of these.
    """
    context: dict[str, Any] = {
        "kind": "optimization",
        "optimizer": _plugin(optimizer),
        "pruner": None if pruner is None else _plugin(pruner),
        "space": {name: dict(parameter) for name, parameter in space.items()},
        "trials": trials,
        "objectives": [{"metric": metric, "direction": direction}],
        "hparams": dict(hparams or {}),
        "seed": seed,
        "policy": {
            "trialTimeoutMs": None if trial_timeout is None else trial_timeout * 1000,
            "graceMs": grace * 1000,
            "maxAttempts": max_attempts,
            "maxFailed": max_failed,
            "parallel": parallel,
            "labels": dict(labels or {}),
        },
    }
    if enqueue:
        context["enqueue"] = [dict(one) for one in enqueue]
    return context


def _plugin(given: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(given, str):
        return {"name": given, "options": {}}
    return {"name": given["name"], "options": {key: value for key, value in given.items() if key != "name"}}


class Client:
    """Made with a bus: ``client = Client(await connect())``."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def submit(
        self,
        name: str,
        context: Mapping[str, Any],
        *,
        module: str | Path | None = None,
        context_name: str = "tune",
        experiment: str | None = None,
        timeout: float | None = None,
    ) -> str:
        """
        Hands an experiment to a driver and gives its id; waits for a driver if there is none (``timeout`` seconds at most).

        ``module``: the file of a plain ES module, or a TypeScript one, with ``defineExperiment`` as its default export and no imports but
        of ``maggy``, tfjs and what Node brings. Left out: the experiment has no code on the bus, and its trials go to workers that name
        it in ``experiments``.
        """
        identity = experiment or experiment_id(name, context_name)
        submission: dict[str, Any] = {
            "experiment": identity,
            "name": name,
            "contextName": context_name,
            "context": plain(context),
        }
        code = None if module is None else Path(module).read_bytes()
        if code is not None and module is not None:
            digest = hashlib.sha256(code).hexdigest()
            submission["bundle"] = {"sha256": digest, "bytes": len(code), "module": Path(module).name}
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                if code is not None:
                    await self._put(BUNDLES, submission["bundle"]["sha256"], code)
                # Repeated, it is the same experiment, for the id is.
                await self._bus.ask(f"maggy.{VERSION}.call.driver.submit", submission, 10)
                return identity
            except MaggyError as error:
                if error.code not in _ABSENT or (deadline is not None and time.monotonic() > deadline):
                    raise
            await asyncio.sleep(0.25)

    async def stop(self, experiment: str, mode: str = "finish") -> str:
        """Ends an experiment early; 'cancel': running trials too. It can be resumed. BUS_NO_RESPONDERS if no driver has it."""
        reply = await self._bus.ask(f"maggy.{VERSION}.call.experiment.{experiment}.stop", {"mode": mode}, 10)
        return str(reply["state"])

    async def follow(self, experiment: str) -> AsyncIterator[dict[str, Any]]:
        """The events of an experiment's log, from the first one on, until it has ended. EXPERIMENT_UNKNOWN if there is no log."""
        subject = f"maggy.{VERSION}.log.{experiment}"
        after = 0
        said = asyncio.Event()

        async def nudged(_: Any) -> None:
            said.set()

        subscription = await self._bus.client.subscribe(subject, cb=nudged)
        try:
            while True:
                said.clear()
                entry = await self._entry(subject, after + 1)
                if entry is None:
                    if after == 0:
                        raise MaggyError("EXPERIMENT_UNKNOWN", experiment=experiment)
                    try:
                        # A message arrives on its subject before the stream has it: look again all the same.
                        await asyncio.wait_for(said.wait(), 1)
                        await asyncio.sleep(0.005)
                    except asyncio.TimeoutError:
                        pass
                    continue
                after, data = entry
                for event in decode_map(data, subject)["events"]:
                    yield event
                    if event["type"] == "experiment.ended":
                        return
        finally:
            await subscription.unsubscribe()

    async def result(self, experiment: str, on_event: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
        """What an experiment came to: ``state``, ``best`` (trial, metrics, hparams; or None), ``trials`` by number. Waits for its end."""
        trials: dict[int, dict[str, Any]] = {}
        best: dict[str, Any] | None = None
        state = ""
        async for event in self.follow(experiment):
            if on_event is not None:
                on_event(event)
            if event["type"] == "trial.suggested":
                for repeat in range(event.get("repeats", 1)):
                    trials[event["trial"] + repeat] = {"hparams": event["hparams"]}
            elif event["type"] == "trial.ended" and event["trial"] in trials:
                outcome = event["outcome"]
                if outcome["kind"] in ("done", "stopped", "failed"):
                    trials[event["trial"]].update({"worker": event["worker"], **outcome})
            elif event["type"] == "experiment.ended":
                state, best = event["state"], event["best"]
        if best is not None:
            best = {**best, "hparams": trials[best["trial"]]["hparams"]}
        return {"experiment": experiment, "state": state, "best": best, "trials": trials}

    async def _entry(self, subject: str, sequence: int) -> tuple[int, bytes] | None:
        """The first entry of the log from a sequence on; None if there is none yet."""
        question = json.dumps({"seq": sequence, "next_by_subj": subject}).encode()
        while True:
            try:
                reply = await self._bus.request(f"$JS.API.DIRECT.GET.{LOG_STREAM}", question, 5)
                break
            except MaggyError as error:
                if error.code not in ("BUS_TIMEOUT", "BUS_DISCONNECTED"):
                    raise
                await asyncio.sleep(0.25)
        headers = reply.headers or {}
        if "Nats-Sequence" not in headers:
            return None
        return int(headers["Nats-Sequence"]), reply.data

    async def _put(self, bucket: str, name: str, data: bytes) -> None:
        """Code into the object store, under its sha256, unless a driver says that it is there; nothing is read there."""
        known = await self._bus.ask(f"maggy.{VERSION}.call.driver.bundle", {"sha256": name}, 10)
        if known["known"]:
            return
        nuid = secrets.token_hex(11)
        chunks = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
        for chunk in chunks:
            await self._keep(bucket, f"$O.{bucket}.C.{nuid}", chunk, None)
        # It is visible once it is whole: what says so comes last.
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
        meta = {"name": name, "bucket": bucket, "nuid": nuid, "size": len(data), "chunks": len(chunks), "digest": f"SHA-256={digest}"}
        subject = f"$O.{bucket}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"
        await self._keep(bucket, subject, json.dumps(meta).encode(), None)

    async def _keep(self, bucket: str, subject: str, data: bytes, headers: dict[str, str] | None) -> None:
        """One entry of the object store; makes the bucket where there is none yet."""
        try:
            reply = await self._bus.request(subject, data, 30, headers)
        except MaggyError as error:
            if error.code != "BUS_NO_RESPONDERS":
                raise
            try:
                await self._bus.client.jetstream().create_object_store(bucket)
            except (nats.errors.Error, asyncio.TimeoutError) as refusal:
                raise MaggyError("BUS_REFUSED", subject=bucket, reason=describe(refusal)) from refusal
            reply = await self._bus.request(subject, data, 30, headers)
        fault = json.loads(reply.data).get("error")
        if fault is not None:
            raise MaggyError("BUS_REFUSED", subject=subject, reason=str(fault.get("description")))


def experiment_id(name: str, context_name: str) -> str:
    """Readable, in the order of time, and its own even when two start in the same second."""
    kept = [re.sub(r"[^A-Za-z0-9_-]", "-", part)[:48] for part in (name, context_name)]
    return f"{kept[0]}-{kept[1]}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def submit(
    name: str,
    context: Mapping[str, Any],
    *,
    module: str | Path | None = None,
    context_name: str = "tune",
    experiment: str | None = None,
    server: str | None = None,
    token: str | None = None,
    creds: str | None = None,
    timeout: float | None = None,
) -> str:
    """Hands an experiment to a driver and gives its id; see :meth:`Client.submit`. For programs without an event loop."""

    async def work() -> str:
        bus = await connect(server, token=token, creds=creds, name="client")
        try:
            return await Client(bus).submit(
                name, context, module=module, context_name=context_name, experiment=experiment, timeout=timeout
            )
        finally:
            await bus.close()

    return asyncio.run(work())


def follow(
    experiment: str,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    *,
    server: str | None = None,
    token: str | None = None,
    creds: str | None = None,
) -> dict[str, Any]:
    """Follows an experiment to its end and gives what it came to; see :meth:`Client.result`. For programs without an event loop."""

    async def work() -> dict[str, Any]:
        bus = await connect(server, token=token, creds=creds, name="client")
        try:
            return await Client(bus).result(experiment, on_event)
        finally:
            await bus.close()

    return asyncio.run(work())
