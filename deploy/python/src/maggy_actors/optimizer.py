"""A user's own optimizer: a process that suggests hyperparameters by a function. Experiments name it: ``optimizer: 'mine'``."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Mapping, Sequence, Union

from .bus import VERSION, Bus
from .codec import plain
from .errors import MaggyError, Unfit, describe
from .observation import Observation, best_of
from .parameter import is_finite
from .randomness import create_random
from .serve import Served, options, parsed, require_name, run_actor
from .sessions import History, Later, Session, Sessions, asked_for, call_by_name, field_of, require_arguments
from .space import Space

Answer = Union[Mapping[str, Any], str]
"""hparams; or {'hparams': …, 'fidelity': {'budget': …, 'from': …}}; or 'wait' until a pending trial has ended; or 'exhausted'."""

_SETTING = ("space", "objectives", "options", "trials", "seed", "parallel", "enqueue")
_QUESTION = ("space", "history", "pending", "rng", "trial", "point", "objectives", "options", "trials", "seed", "parallel", "best", "state")


class Optimizer:
    """What is served under one name. See :func:`serve_optimizer` for the arguments."""

    def __init__(
        self,
        name: str,
        suggest: Callable[..., Answer],
        adaptive: bool = True,
        *,
        open: Callable[..., Any] | None = None,
        notes: Callable[..., Sequence[str]] | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = require_name(name)
        require_arguments(suggest, _QUESTION, "suggest")
        if open is not None:
            require_arguments(open, (*_SETTING, "history"), "open")
        if notes is not None:
            require_arguments(notes, (*_SETTING, "state"), "notes")
        self.suggest = suggest
        self.adaptive = adaptive
        self.open = open
        self.notes = notes
        self.schema = schema

    def misbehaved(self, reason: str) -> MaggyError:
        return MaggyError("OPTIMIZER_MISBEHAVED", optimizer=self.name, reason=reason)

    def guarded(self, function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
        """Whatever the function raises is its own fault, unless it says that it cannot take the experiment."""
        try:
            return call_by_name(function, given)
        except Unfit as unfit:
            raise MaggyError("OPTIMIZER_UNFIT", optimizer=self.name, path=unfit.path, reason=unfit.reason) from unfit
        except MaggyError:
            raise
        except Exception as error:
            raise self.misbehaved(f"it raised {describe(error)}") from error


class _Search:
    """One experiment: its questions to the function. It runs on the optimizer's thread."""

    def __init__(self, optimizer: Optimizer, payload: Mapping[str, Any]) -> None:
        self.optimizer = optimizer
        self.space = Space(payload["space"])
        self.enqueue: list[Mapping[str, Any] | None] = list(payload.get("enqueue") or ())
        self.seed = int(payload["seed"])
        self.history = History(payload["history"])
        self.setting: dict[str, Any] = {
            "space": self.space,
            "objectives": payload["objectives"],
            "options": payload["options"],
            "trials": payload["trials"],
            "seed": self.seed,
            "parallel": payload.get("parallel"),
            "enqueue": self.enqueue,
        }
        self.narrowed = [
            None if one is None else self.space.fixed_to(one, f"enqueue[{index}]")
            for index, one in enumerate(self.enqueue)
        ]
        self.state: Any = None
        self.notes: list[str] = []

    def begin(self) -> None:
        """The function's own state of the experiment, and what it wants people to know."""
        optimizer = self.optimizer
        if optimizer.open is not None:
            self.state = optimizer.guarded(optimizer.open, {**self.setting, "history": self.history.all()})
        if optimizer.notes is not None:
            said = optimizer.guarded(optimizer.notes, {**self.setting, "state": self.state})
            self.notes = [str(note)[:1024] for note in said][:16]

    def ask(self, trial: int, known: list[Observation]) -> dict[str, Any] | str:
        if trial < len(self.enqueue) and self.enqueue[trial] is not None:
            return self._complete(trial, known)
        given = sum(1 for one in self.enqueue[:trial] if one is not None)
        answer = self._question(trial, known, self.space, trial - given)
        if answer == "exhausted":
            return "exhausted"
        if answer == "wait":
            if any(one.pending for one in known):
                return "wait"
            raise self.optimizer.misbehaved("it waits although no trial is pending")
        suggestion = self._suggestion(answer)
        fault = self.space.fault(suggestion["hparams"])
        if fault is not None:
            raise self.optimizer.misbehaved(f"{fault[0]} {fault[1]}")
        return suggestion

    def _question(self, trial: int, known: list[Observation], space: Space, point: int) -> Any:
        ended: list[Observation] = []
        pending: list[Observation] = []
        for one in known:
            (pending if one.state == "pending" else ended).append(one)
        given = {
            **self.setting,
            "space": space,
            "history": ended,
            "pending": pending,
            # The seed and the trial alone decide: a trial that is asked for anew gets the same numbers.
            "rng": Later(lambda: create_random(self.seed, "suggest", trial)),
            "trial": trial,
            "point": point,
            "best": Later(lambda: best_of(ended, self.setting["objectives"][0])),
            "state": self.state,
        }
        return self.optimizer.guarded(self.optimizer.suggest, given)

    def _suggestion(self, answer: Any) -> dict[str, Any]:
        try:
            said = plain(answer)
        except MaggyError as error:
            raise self.optimizer.misbehaved(f"hparams {error.message}") from error
        if not isinstance(said, dict):
            raise self.optimizer.misbehaved("hparams is not a map of values by name")
        if not isinstance(said.get("fidelity"), dict):
            return {"hparams": said}
        fidelity = said["fidelity"]
        budget, begin = fidelity.get("budget"), fidelity.get("from")
        if not (is_finite(budget) and budget > 0 and (begin is None or (isinstance(begin, int) and begin >= 0))):
            raise self.optimizer.misbehaved("its fidelity is not { budget: a number above 0, from: None or a trial }")
        return {"hparams": said.get("hparams"), "fidelity": fidelity}

    def _complete(self, trial: int, known: list[Observation]) -> dict[str, Any]:
        """An enqueued trial: the function suggests the values that the entry leaves open, in a space where only these are open."""
        space, entry = self.narrowed[trial], self.enqueue[trial]
        if space is None or entry is None:
            raise self.optimizer.misbehaved(f"trial {trial} was not enqueued")
        only = space.only_point()
        if only is not None:
            return {"hparams": only}
        answer = self._question(trial, known, space, trial)
        said = {} if isinstance(answer, str) else self._suggestion(answer)["hparams"]
        hparams = {**(said if isinstance(said, dict) else {}), **entry}
        # A function may not look at the space that it is given.
        if space.fault(hparams) is not None:
            hparams = space.sample(create_random(self.seed, "complete", trial))
        return {"hparams": hparams}


async def start_optimizer(bus: Bus, identity: str, optimizers: Sequence[Optimizer]) -> Served:
    """Starts to answer for optimizers on a bus, by their names."""
    served = Served(bus, "optimizer", identity)
    sessions = {optimizer.name: Sessions() for optimizer in optimizers}
    for optimizer in optimizers:
        await _serve_one(served, optimizer, sessions[optimizer.name])
    names = [
        {"name": one.name, "adaptive": one.adaptive, **({} if one.schema is None else {"options": dict(one.schema)})}
        for one in optimizers
    ]
    await served.begin(names, lambda: sum(map(len, sessions.values())))
    return served


async def _serve_one(served: Served, optimizer: Optimizer, sessions: Sessions) -> None:
    bus, instance = served.bus, served.identity
    here = f"maggy.{VERSION}.call.optimizer.{optimizer.name}"

    def busy(waiting: int) -> MaggyError:
        return MaggyError("OPTIMIZER_BUSY", optimizer=optimizer.name, waiting=waiting)

    async def open_(payload: dict[str, Any], subject: str) -> Any:
        experiment = field_of(payload, "experiment", str, subject)
        for name, kind in (("space", dict), ("objectives", list), ("options", dict), ("trials", int), ("seed", int), ("history", list)):
            field_of(payload, name, kind, subject)
        search = _Search(optimizer, payload)
        await _on(served, search.begin)
        sessions.open(experiment, Session(search.history, search.ask, busy))
        return {"instance": instance, "adaptive": optimizer.adaptive, **({"notes": search.notes} if search.notes else {})}

    async def suggest(payload: dict[str, Any], subject: str) -> Any:
        session = sessions.get(field_of(payload, "experiment", str, subject))
        trial, count = asked_for(payload, subject)
        suggestions, end = await session.suggest(served.pool, trial, count)
        fidelities = [one["fidelity"] for one in suggestions if one.get("fidelity")]
        return {
            "hparams": [one["hparams"] for one in suggestions],
            **({"fidelities": fidelities} if fidelities else {}),
            **({"waiting": True} if end == "wait" else {}),
            "exhausted": end == "exhausted",
        }

    # Whoever is told of the instance asks it at once: its own subjects come first.
    await served.answers(f"{here}.{instance}.suggest", suggest)
    await served.answers(f"{here}.{instance}.observe", observes(sessions))
    await served.answers(f"{here}.open", open_, "optimizer")


def observes(sessions: Sessions) -> Callable[[dict[str, Any], str], Any]:
    """What trials came to; closed: the experiment is over and is forgotten."""

    async def observe(payload: dict[str, Any], subject: str) -> Any:
        experiment = field_of(payload, "experiment", str, subject)
        observations = field_of(payload, "observations", list, subject)
        if payload.get("closed") is True:
            sessions.close(experiment)
        else:
            sessions.get(experiment).observe(observations)
        return {}

    return observe


async def _on(served: Served, function: Callable[[], None]) -> None:
    await asyncio.get_running_loop().run_in_executor(served.pool, function)


def serve_optimizer(
    name: str,
    suggest: Callable[..., Answer],
    adaptive: bool = True,
    *,
    open: Callable[..., Any] | None = None,
    notes: Callable[..., Sequence[str]] | None = None,
    server: str | None = None,
    token: str | None = None,
    creds: str | None = None,
    argv: Sequence[str] | None = None,
) -> None:
    """
    Answers for an optimizer of that name until the process is told to end. Start as many as you like: each experiment is taken by one.

    ``suggest`` is called with those of these arguments that it names: ``space``, ``history`` (trials that have ended), ``pending``
    (trials under way), ``rng`` (take randomness from it alone, and searches can be repeated), ``trial``, ``point`` (the trial's number
    without enqueued ones), ``objectives``, ``options`` (as the experiment gives them), ``trials`` (how many there will be at most),
    ``parallel``, ``seed``, ``best``, ``state`` (what ``open`` gave). It returns hparams inside ``space``, or ``{'hparams': …,
    'fidelity': {'budget': …, 'from': …}}``, or 'wait' until a pending trial has ended, or 'exhausted'. It runs on a thread of its own
    and may take up to a minute. What it raises ends the experiment, not the process.

    ``adaptive``: whether suggestions depend on results; if not, ``history`` lacks them, and several are asked for ahead of time.
    ``open`` is called when an experiment is opened (again), with ``space``, ``objectives``, ``options``, ``trials``, ``seed``,
    ``parallel``, ``enqueue``, ``history``; what it returns is kept for the experiment as ``state``. It may raise ``Unfit(path,
    reason)`` for a space or options that cannot be taken. ``notes`` gives sentences for people.

    The command line (``argv``) knows --server, --token, --creds, --id, --log-level. Raises OPTION_INVALID.
    """
    optimizer = Optimizer(name, suggest, adaptive, open=open, notes=notes)
    arguments = parsed(options(f"the optimizer {name}"), argv, {"server": server, "token": token, "creds": creds})
    run_actor("optimizer", arguments, lambda bus, identity: start_optimizer(bus, identity, [optimizer]), name)
