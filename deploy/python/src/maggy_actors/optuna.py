"""
Every sampler of Optuna as an optimizer: ``python -m maggy_actors.optuna --sampler GPSampler``. Experiments name it: ``optimizer:
'optuna-gp'``; options beside the name are the sampler's own.

An experiment is a study in memory, filled from the history, so that this process may die and another one goes on. Constraints (``where``)
are kept by asking again, and then by the nearest of some random points that keep them.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import math
import os
import re
import warnings
from typing import Any, Callable, Mapping, Sequence

# The matrices are small: threads would only wait for each other, above all beside workers on the same host.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from .errors import MaggyError, Unfit, describe
from .observation import Observation
from .optimizer import Optimizer, start_optimizer
from .parameter import Parameter, count_of, from_unit, index_of, is_range, to_unit, value_at
from .randomness import Random, derive_seed
from .serve import options, parsed, run_actor
from .space import Space

_TRIES, _NEAR = 2, 64
"""Proposals that break the constraints, before the nearest of so many random points that keep them takes their place."""


class Axis:
    """A parameter as Optuna sees it. Values that Python takes for equal (1, True) are told apart by their index."""

    def __init__(self, parameter: Parameter) -> None:
        self._parameter = parameter
        self._count = count_of(parameter)
        self.distribution, self._kind = self._distribution()

    def _distribution(self) -> tuple[BaseDistribution, str]:
        parameter = self._parameter
        log = parameter.get("log") is True
        if parameter["type"] == "categorical":
            return CategoricalDistribution(tuple(range(int(self._count)))), "index"
        if is_range(parameter) and self._count == math.inf and parameter["high"] > parameter["low"]:
            return FloatDistribution(parameter["low"], parameter["high"], log=log), "value"
        if parameter["type"] == "integer" and log and parameter.get("step") in (None, 1) and self._count > 1:
            return IntDistribution(parameter["low"], parameter["high"], log=True), "value"
        if log:
            return FloatDistribution(0.0, 1.0), "unit"
        return IntDistribution(0, int(self._count) - 1), "index"

    def to_optuna(self, value: Any) -> Any:
        if self._kind == "value":
            return value
        return to_unit(self._parameter, value) if self._kind == "unit" else index_of(self._parameter, value) or 0

    def from_optuna(self, value: Any) -> Any:
        if self._kind == "unit":
            return from_unit(self._parameter, value)
        if self._kind == "index":
            return value_at(self._parameter, int(value))
        low, high = self._parameter["low"], self._parameter["high"]
        clamped = min(high, max(low, value))
        return int(clamped) if self._parameter["type"] == "integer" else float(clamped)


class Search:
    """One experiment: a study that knows of each trial what the history says."""

    def __init__(
        self,
        make: Callable[[dict[str, Any]], optuna.samplers.BaseSampler],
        space: Space,
        objectives: Sequence[Mapping[str, str]],
        settings: Mapping[str, Any],
        seed: int,
        history: Sequence[Observation],
    ) -> None:
        self._space = space
        self._objectives = objectives
        self._axes = {name: Axis(parameter) for name, parameter in space.items()}
        # Opened again, a sampler with the same seed would propose the same points again.
        sampler = make({**settings, "seed": derive_seed(seed, "optuna", len(history))})
        directions = [objective["direction"] for objective in objectives]
        self._study = optuna.create_study(sampler=sampler, directions=directions)
        self._require_fit(sampler, directions)
        self._known: dict[int, optuna.Trial] = {}
        """Trials that were suggested here, by their number, and are not told yet."""
        self._told: set[int] = set()

    def _require_fit(self, sampler: optuna.samplers.BaseSampler, directions: list[str]) -> None:
        """A sampler that takes one objective only says so when it is asked: here, before the search begins."""
        probe = optuna.create_study(sampler=sampler, directions=directions)
        try:
            probe.ask().relative_params
        except ValueError as error:
            raise Unfit("objectives", str(error)) from error

    def suggest(self, space: Space, history: Sequence[Observation], pending: Sequence[Observation], trial: int, rng: Random) -> Any:
        for observation in history:
            self._tell(observation)
        for observation in pending:
            self._note_pending(observation)
        for _ in range(_TRIES):
            asked = self._study.ask()
            hparams = self._draw(asked, space)
            if space.satisfied(hparams):
                self._known[trial] = asked
                return hparams
            self._study.tell(asked, state=TrialState.FAIL)
        return self._nearest(space, hparams, rng)

    def _nearest(self, space: Space, wanted: Mapping[str, Any], rng: Random) -> dict[str, Any]:
        """A point that keeps the constraints, near one that does not."""

        def distance(point: Mapping[str, Any]) -> float:
            here, there = space.to_unit(point), space.to_unit(wanted)
            return sum((here[name] - there[name]) ** 2 if name in here and name in there else 1 for name in {*here, *there})

        return min((space.sample(rng) for _ in range(_NEAR)), key=distance)

    def _draw(self, asked: optuna.Trial, space: Space) -> dict[str, Any]:
        """Parents first: a parameter that is not active is not asked about."""
        chosen: dict[str, Any] = {}
        for name, parameter in space.relations.order:
            if not space.is_active(name, chosen):
                continue
            # Of an enqueued trial some values are given: its space is narrower than the study's.
            if parameter["type"] == "constant":
                chosen[name] = parameter["value"]
            else:
                axis = self._axes[name]
                value = axis.from_optuna(asked._suggest(name, axis.distribution))
                fits = parameter is self._space[name] or index_of(parameter, value) is not None
                chosen[name] = value if fits else value_at(parameter, 0)
        return {name: chosen[name] for name in space if name in chosen}

    def _tell(self, observation: Observation) -> None:
        if observation.trial in self._told:
            return
        self._told.add(observation.trial)
        asked = self._known.pop(observation.trial, None)
        values, state = self._values(observation)
        own = {name: self._axes[name].to_optuna(value) for name, value in observation.hparams.items() if name in self._axes}
        # What was fixed by the user is another point than the one that was asked for.
        if asked is not None and asked.params == own:
            if state is TrialState.PRUNED and values is not None:
                asked.report(values[0], observation.step or 0)
            self._study.tell(asked, values if state is TrialState.COMPLETE else None, state=state)
            return
        if asked is not None:
            self._study.tell(asked, state=TrialState.FAIL)
        self._study.add_trial(self._frozen(own, state, values, observation.step or 0))

    def _note_pending(self, observation: Observation) -> None:
        """A trial under way that was suggested by another process: samplers that look at running ones see it."""
        if observation.trial in self._known or observation.trial in self._told:
            return
        own = {name: self._axes[name].to_optuna(value) for name, value in observation.hparams.items() if name in self._axes}
        self._study.enqueue_trial(own)
        asked = self._study.ask()
        for name in own:
            asked._suggest(name, self._axes[name].distribution)
        self._known[observation.trial] = asked

    def _frozen(self, params: dict[str, Any], state: TrialState, values: list[float] | None, step: int) -> FrozenTrial:
        usable = {name: value for name, value in params.items() if self._axes[name].distribution._contains(
            self._axes[name].distribution.to_internal_repr(value)
        )}
        return optuna.create_trial(
            state=state,
            params=usable,
            distributions={name: self._axes[name].distribution for name in usable},
            values=values if state is TrialState.COMPLETE else None,
            intermediate_values={step: values[0]} if state is TrialState.PRUNED and values is not None else None,
        )

    def _values(self, observation: Observation) -> tuple[list[float] | None, TrialState]:
        found = [observation.metrics.get(objective["metric"]) for objective in self._objectives]
        values = [float(value) for value in found if value is not None and math.isfinite(value)]
        whole = values if len(values) == len(found) else None
        if observation.state == "done" and whole is not None:
            return whole, TrialState.COMPLETE
        if observation.state == "pruned" and whole is not None:
            # Optuna prunes with one objective only; with several, the last reports stand.
            return whole, TrialState.PRUNED if len(found) == 1 else TrialState.COMPLETE
        return None, TrialState.FAIL


def sampler_class(name: str) -> type[optuna.samplers.BaseSampler]:
    """A sampler of Optuna's by its name, or one of your own: ``module:Class``. OPTION_INVALID."""
    module, _, attribute = name.rpartition(":")
    try:
        found = getattr(importlib.import_module(module or "optuna.samplers"), attribute)
    except (ImportError, AttributeError) as error:
        raise MaggyError("OPTION_INVALID", option="sampler", reason=f"is {name}: {describe(error)}") from error
    if not (isinstance(found, type) and issubclass(found, optuna.samplers.BaseSampler)):
        raise MaggyError("OPTION_INVALID", option="sampler", reason=f"is {name}, which is no sampler of Optuna's")
    return found


def optimizer_of(name: str, kind: type[optuna.samplers.BaseSampler]) -> Optimizer:
    """The optimizer that a class of samplers makes."""
    parameters = {
        one.name for one in inspect.signature(kind).parameters.values() if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    }

    def make(settings: dict[str, Any]) -> optuna.samplers.BaseSampler:
        defaults = {"constant_liar": True, "warn_independent_sampling": False}
        given = {**defaults, **settings}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind(**{key: value for key, value in given.items() if key in parameters})

    def open_(space: Space, objectives: Any, options: dict[str, Any], seed: int, history: list[Observation]) -> Search:
        for key in options:
            if key not in parameters:
                known = ", ".join(sorted(parameters)) or "none"
                raise Unfit(f"options.{key}", f"is unknown; {kind.__name__} has {known}")
        try:
            return Search(make, space, objectives, options, seed, history)
        except (TypeError, ValueError, ImportError) as error:
            raise Unfit("options", describe(error)) from error

    def suggest(
        state: Search, space: Space, history: list[Observation], pending: list[Observation], trial: int, rng: Random
    ) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return state.suggest(space, history, pending, trial, rng)

    return Optimizer(name, suggest, open=open_)


def default_name(sampler: str) -> str:
    """``GPSampler`` is ``optuna-gp``, ``CmaEsSampler`` is ``optuna-cmaes``."""
    short = re.sub(r"sampler$", "", sampler.rpartition(":")[2].lower()) or "sampler"
    return f"optuna-{short}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = options("every sampler of Optuna as an optimizer")
    parser.add_argument("--sampler", default="TPESampler", help="TPESampler, GPSampler, CmaEsSampler, …, or module:Class")
    parser.add_argument("--name", help="the name that experiments know it by (default: optuna-tpe for TPESampler)")
    arguments = parsed(parser, argv, {})
    optuna.logging.set_verbosity(logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    try:
        optimizer = optimizer_of(arguments.name or default_name(arguments.sampler), sampler_class(arguments.sampler))
    except MaggyError as error:
        raise SystemExit(f"{error}; {error.remedy}") from error
    run_actor("optimizer", arguments, lambda bus, identity: start_optimizer(bus, identity, [optimizer]))


if __name__ == "__main__":
    main()
