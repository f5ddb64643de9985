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
import re
import threading
import warnings
from typing import Any, Sequence

import optuna

from .errors import MaggyError, Unfit, describe
from .observation import Observation
from .optimizer import Optimizer, start_optimizer
from .optuna_study import Search
from .randomness import Random
from .serve import options, parsed, run_actor
from .space import Space


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


def load_early(kind: type[optuna.samplers.BaseSampler]) -> None:
    """
    GPSampler imports PyTorch when it models for the first time, which takes seconds. Started again in the middle of a search, this process
    is asked at once: so it models two points of nothing meanwhile, on a thread of its own.
    """
    if not issubclass(kind, optuna.samplers.GPSampler):
        return

    def model() -> None:
        try:
            study = optuna.create_study(sampler=kind(seed=0, n_startup_trials=1))
            for _ in range(2):
                study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
        except Exception:  # whoever asks for a suggestion is told what is wrong
            logging.getLogger("maggy_actors").debug("%s could not be loaded early", kind.__name__, exc_info=True)

    threading.Thread(target=model, name="load", daemon=True).start()


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
    load_early(sampler_class(arguments.sampler))
    run_actor("optimizer", arguments, lambda bus, identity: start_optimizer(bus, identity, [optimizer]), optimizer.name)


if __name__ == "__main__":
    main()
