"""A user's own pruner: a process that judges by a function. Experiments name it: ``pruner: { name: 'mine', served: true }``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

from .bus import VERSION, Bus
from .errors import MaggyError
from .serve import Served, options, parsed, require_name, run_actor
from .sessions import call_by_name, field_of, require_arguments

_QUESTION = ("trial", "history", "objectives", "options", "experiment")


@dataclass(frozen=True)
class Point:
    """What a trial reported at one step."""

    step: int
    values: Mapping[str, float | None]


@dataclass(frozen=True)
class JudgedTrial:
    trial: int
    state: str
    """running, done, pruned, failed or cancelled."""
    points: Sequence[Point]
    """At most 64 of its reports, evenly chosen, the last among them."""

    def values(self, metric: str) -> list[float]:
        """The finite values of a metric, in the order of steps."""
        found = (point.values.get(metric) for point in self.points)
        return [value for value in found if value is not None]


def _judged(told: Mapping[str, Any]) -> JudgedTrial:
    points = [Point(point["step"], point["values"]) for point in told["points"]]
    return JudgedTrial(told["trial"], told["state"], points)


async def start_pruner(bus: Bus, identity: str, name: str, judge: Callable[..., str]) -> Served:
    """Starts to answer for a pruner on a bus."""
    require_name(name)
    require_arguments(judge, _QUESTION, "judge")
    served = Served(bus, "pruner", identity)

    async def answer(payload: dict[str, Any], subject: str) -> Any:
        try:
            given = {
                "experiment": field_of(payload, "experiment", str, subject),
                "trial": _judged(field_of(payload, "trial", dict, subject)),
                "history": [_judged(one) for one in field_of(payload, "history", list, subject)],
                "objectives": field_of(payload, "objectives", list, subject),
                "options": field_of(payload, "options", dict, subject),
            }
        except (KeyError, TypeError) as error:
            raise MaggyError("MESSAGE_INVALID", subject=subject, path="/trial", reason="is no judged trial") from error
        verdict = await asyncio.get_running_loop().run_in_executor(served.pool, call_by_name, judge, given)
        if verdict not in ("continue", "stop"):
            raise MaggyError("INTERNAL", reason=f"the pruner {name} said {verdict!r}, neither continue nor stop")
        return {"verdict": verdict}

    await served.answers(f"maggy.{VERSION}.call.pruner.{name}.judge", answer, "pruner")
    await served.begin([{"name": name}], lambda: 0)
    return served


def serve_pruner(
    name: str,
    judge: Callable[..., str],
    *,
    server: str | None = None,
    token: str | None = None,
    creds: str | None = None,
    argv: Sequence[str] | None = None,
) -> None:
    """
    Answers for a pruner of that name until the process is told to end. ``judge`` is called after reports with those of these arguments
    that it names: ``trial``, ``history`` (other trials, at most 256), ``objectives``, ``options``, ``experiment``; it returns
    'continue' or 'stop'. What it raises stops nothing. Raises OPTION_INVALID.
    """
    require_arguments(judge, _QUESTION, "judge")
    arguments = parsed(options(f"the pruner {name}"), argv, {"server": server, "token": token, "creds": creds})
    run_actor("pruner", arguments, lambda bus, identity: start_pruner(bus, identity, name, judge), name)
