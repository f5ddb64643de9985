"""
An experiment as a study of Optuna's, in memory, filled from the history.

Samplers that decide by the study alone (TPE, GP, Random) get a seed of their own for each trial, and a study that follows from the history:
opened again, they suggest what they would have suggested. Others (CMA-ES, genetic algorithms) keep their state in the trials that they were
asked for: opened again, they begin anew beside what is known.
"""

from __future__ import annotations

import math
import os
from typing import Any, Callable, Mapping, Sequence

# The matrices are small: threads would only wait for each other, above all beside workers on the same host.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from .errors import Unfit
from .observation import Observation
from .parameter import Parameter, count_of, from_unit, index_of, is_range, to_unit, value_at
from .randomness import Random, derive_seed
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

    def holds(self, value: Any) -> bool:
        return bool(self.distribution._contains(self.distribution.to_internal_repr(value)))

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
        self._make_sampler, self._settings, self._seed = make, settings, seed
        # Opened again, a sampler with the same seed would propose the same points again.
        sampler = self._make("optuna", len(history))
        self._by_study = type(sampler) in (optuna.samplers.TPESampler, optuna.samplers.GPSampler, optuna.samplers.RandomSampler)
        self._directions = [objective["direction"] for objective in objectives]
        self._require_fit(sampler)
        self._begin(sampler)

    def _make(self, *purpose: int | str) -> optuna.samplers.BaseSampler:
        return self._make_sampler({**self._settings, "seed": derive_seed(self._seed, *purpose)})

    def _begin(self, sampler: optuna.samplers.BaseSampler) -> None:
        self._study = optuna.create_study(sampler=sampler, directions=self._directions)
        self._open: dict[int, optuna.Trial] = {}
        """Trials that are in the study and have not ended, by their number."""
        self._numbers: list[int] = []
        """The trials that are in the study, in its order."""
        self._told: set[int] = set()
        self._is_exact = True
        """The study holds one trial for each of the experiment's, as it was suggested."""

    def _require_fit(self, sampler: optuna.samplers.BaseSampler) -> None:
        """A sampler that takes one objective only says so when it is asked: here, before the search begins."""
        probe = optuna.create_study(sampler=sampler, directions=self._directions)
        try:
            probe.ask().relative_params
        except ValueError as error:
            raise Unfit("objectives", str(error)) from error

    def suggest(self, space: Space, history: Sequence[Observation], pending: Sequence[Observation], trial: int, rng: Random) -> Any:
        known = sorted([*history, *pending], key=lambda one: one.trial)
        if self._by_study:
            # What the study holds is to follow from the history alone.
            if not self._is_exact or [one.trial for one in known][: len(self._numbers)] != self._numbers:
                self._begin(self._study.sampler)
            self._study.sampler = self._make("suggest", trial)
        for observation in known:
            if observation.pending:
                self._note_pending(observation)
            else:
                self._tell(observation)
        for _ in range(_TRIES):
            asked = self._study.ask()
            hparams = self._draw(asked, space)
            if space.satisfied(hparams):
                self._open[trial] = asked
                self._numbers.append(trial)
                return hparams
            self._is_exact = False
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
        asked = self._open.pop(observation.trial, None)
        values, state = self._values(observation)
        own = self._own(observation)
        # What was fixed by the user is another point than the one that was asked for.
        if asked is not None and asked.params == own:
            if state is TrialState.PRUNED and values is not None:
                asked.report(values[0], observation.step or 0)
            self._study.tell(asked, values if state is TrialState.COMPLETE else None, state=state)
            return
        if asked is None:
            self._numbers.append(observation.trial)
        else:
            self._is_exact = False
            self._study.tell(asked, state=TrialState.FAIL)
        self._study.add_trial(self._frozen(own, state, values, observation.step or 0))

    def _note_pending(self, observation: Observation) -> None:
        """A trial under way that is not in the study: samplers that look at running ones see it."""
        if observation.trial in self._open or observation.trial in self._told:
            return
        own = self._own(observation)
        self._study.enqueue_trial(own)
        asked = self._study.ask()
        for name in own:
            asked._suggest(name, self._axes[name].distribution)
        self._open[observation.trial] = asked
        self._numbers.append(observation.trial)

    def _own(self, observation: Observation) -> dict[str, Any]:
        """The hparams as Optuna sees them; those of other spaces are left out, and constants are no parameters."""
        return {
            name: self._axes[name].to_optuna(observation.hparams[name])
            for name, parameter in self._space.relations.order
            if name in observation.hparams and parameter["type"] != "constant"
        }

    def _frozen(self, params: dict[str, Any], state: TrialState, values: list[float] | None, step: int) -> FrozenTrial:
        usable = {name: value for name, value in params.items() if self._axes[name].holds(value)}
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
