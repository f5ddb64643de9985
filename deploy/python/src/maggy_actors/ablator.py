"""A user's own ablator: a process that decides which components trials leave out. Experiments name it: ``ablator: 'mine'``."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence, Union

from .bus import VERSION, Bus
from .codec import plain
from .errors import MaggyError, Unfit, describe
from .observation import Observation
from .optimizer import observes
from .serve import Served, options, parsed, require_name, run_actor
from .sessions import History, Session, Sessions, asked_for, call_by_name, field_of, require_arguments

Removal = Union[Mapping[str, Any], Sequence[str], str]
"""Names of components ([] is the base), or {'without': names, 'repeat': k}; or 'wait' while results must come in; or 'exhausted'."""

_QUESTION = ("components", "repeats", "history", "pending", "trial", "objectives", "options", "trials", "seed", "impossible")


class _Study:
    """One ablation: its questions to the function."""

    def __init__(self, name: str, leave_out: Callable[..., Removal], payload: Mapping[str, Any]) -> None:
        self.name = name
        self.leave_out = leave_out
        self.history = History(payload["history"])
        self.names = [component["name"] for component in payload["components"]]
        self.repeats = int(payload["repeats"])
        self.setting = {key: payload[key] for key in ("components", "repeats", "objectives", "options", "trials", "seed")}
        self.setting["impossible"] = payload.get("impossible") or []

    def misbehaved(self, reason: str) -> MaggyError:
        return MaggyError("ABLATOR_MISBEHAVED", ablator=self.name, reason=reason)

    def ask(self, trial: int, known: list[Observation]) -> dict[str, Any] | str:
        history = [one for one in known if not one.pending]
        given = {**self.setting, "history": history, "pending": [one for one in known if one.pending], "trial": trial}
        try:
            said = call_by_name(self.leave_out, given)
        except Unfit as unfit:
            raise MaggyError("ABLATOR_UNFIT", ablator=self.name, path=unfit.path, reason=unfit.reason) from unfit
        except MaggyError:
            raise
        except Exception as error:
            raise self.misbehaved(f"it raised {describe(error)}") from error
        if said in ("wait", "exhausted"):
            return str(said)
        return self._checked(plain(said))

    def _checked(self, said: Any) -> dict[str, Any]:
        removal = said if isinstance(said, dict) else {"without": said}
        without, repeat = removal.get("without"), removal.get("repeat", 0)
        if not isinstance(without, list):
            raise self.misbehaved("it names no components to leave out: [] is the base")
        unknown = next((name for name in without if name not in self.names), None)
        if unknown is not None:
            raise self.misbehaved(f"it leaves out {unknown}; there are {', '.join(self.names)}")
        if len(set(without)) < len(without):
            raise self.misbehaved("it leaves out the same component twice")
        if not isinstance(repeat, int) or not 0 <= repeat < self.repeats:
            raise self.misbehaved(f"repeat {repeat}; there are 0 to {self.repeats - 1}")
        return {"without": without, "repeat": repeat}


async def start_ablator(bus: Bus, identity: str, name: str, leave_out: Callable[..., Removal], adaptive: bool = True) -> Served:
    """Starts to answer for an ablator on a bus."""
    require_name(name)
    require_arguments(leave_out, _QUESTION, "leave_out")
    served = Served(bus, "ablator", identity)
    sessions = Sessions()
    here = f"maggy.{VERSION}.call.ablator.{name}"

    def busy(waiting: int) -> MaggyError:
        return MaggyError("ABLATOR_BUSY", ablator=name, waiting=waiting)

    async def open_(payload: dict[str, Any], subject: str) -> Any:
        experiment = field_of(payload, "experiment", str, subject)
        kinds = (("components", list), ("repeats", int), ("objectives", list), ("options", dict), ("trials", int), ("seed", int))
        for key, kind in (*kinds, ("history", list)):
            field_of(payload, key, kind, subject)
        study = _Study(name, leave_out, payload)
        sessions.open(experiment, Session(study.history, study.ask, busy))
        return {"instance": identity, "adaptive": adaptive}

    async def suggest(payload: dict[str, Any], subject: str) -> Any:
        session = sessions.get(field_of(payload, "experiment", str, subject))
        trial, count = asked_for(payload, subject)
        removals, end = await session.suggest(served.pool, trial, count)
        said = [{"without": list(one["without"]), "repeat": one["repeat"]} for one in removals]
        return {"removals": said, **({"waiting": True} if end == "wait" else {}), "exhausted": end == "exhausted"}

    await served.answers(f"{here}.{identity}.suggest", suggest)
    await served.answers(f"{here}.{identity}.observe", observes(sessions))
    await served.answers(f"{here}.open", open_, "ablator")
    await served.begin([{"name": name, "adaptive": adaptive}], lambda: len(sessions))
    return served


def serve_ablator(
    name: str,
    leave_out: Callable[..., Removal],
    adaptive: bool = True,
    *,
    server: str | None = None,
    token: str | None = None,
    creds: str | None = None,
    argv: Sequence[str] | None = None,
) -> None:
    """
    Answers for an ablator of that name until the process is told to end. ``leave_out`` is called with those of these arguments that it
    names: ``components``, ``repeats``, ``history`` (trials that have ended), ``pending``, ``trial``, ``objectives``, ``options``,
    ``trials``, ``seed``, ``impossible`` (components that cannot go together). It returns the names of the components that the trial does
    without, or ``{'without': names, 'repeat': k}``, or 'wait', or 'exhausted'. Raises OPTION_INVALID.
    """
    require_arguments(leave_out, _QUESTION, "leave_out")
    arguments = parsed(options(f"the ablator {name}"), argv, {"server": server, "token": token, "creds": creds})
    run_actor("ablator", arguments, lambda bus, identity: start_ablator(bus, identity, name, leave_out, adaptive), name)
