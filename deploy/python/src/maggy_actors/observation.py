"""What an optimizer or an ablator knows of a trial."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from .codec import plain
from .errors import MaggyError
from .parameter import is_whole

FIRST_EARLIER_TRIAL = 1 << 40
"""Trials of earlier experiments (a warm start) are numbered from here on; here they come before all others, with numbers below 0."""
_STATES = ("pending", "done", "pruned", "failed", "cancelled")


@dataclass(frozen=True)
class Observation:
    trial: int
    state: str
    """pending, done, pruned, failed or cancelled."""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """The final metrics; of a pruned trial, the last that it reported. None: it was not finite."""
    step: int | None = None
    """The last step that was reported."""
    hparams: Mapping[str, Any] = field(default_factory=dict)
    """In an optimization."""
    fidelity: Mapping[str, Any] | None = None
    """Under a scheduler: how far it goes, and the trial that it continues."""
    without: Sequence[str] = ()
    """In an ablation: the components that it does without."""
    repeat: int = 0
    """In an ablation: which of the repeats."""

    @property
    def pending(self) -> bool:
        return self.state == "pending"

    def suggestion(self) -> dict[str, Any]:
        """The suggestion that it came from."""
        return {"hparams": self.hparams, "fidelity": self.fidelity, "without": self.without, "repeat": self.repeat}


def observation_from(told: object) -> Observation:
    """As it comes from the driver. MESSAGE_INVALID."""
    if not isinstance(told, dict) or not is_whole(told.get("trial")) or told.get("state") not in _STATES:
        raise MaggyError("MESSAGE_INVALID", subject="observe", path="/observations", reason="is no observation")
    # Beyond 32 bits, JavaScript's encoder writes whole numbers as floats.
    trial = int(told["trial"])
    return Observation(
        trial=trial if trial < FIRST_EARLIER_TRIAL else trial - 2 * FIRST_EARLIER_TRIAL,
        state=told["state"],
        metrics=told.get("metrics") or {},
        step=told.get("step"),
        hparams=told.get("hparams") or {},
        fidelity=told.get("fidelity"),
        without=tuple(told.get("without") or ()),
        repeat=told.get("repeat") or 0,
    )


def pending_observation(trial: int, suggestion: Mapping[str, Any]) -> Observation:
    known = {key: value for key, value in suggestion.items() if key in ("hparams", "fidelity", "without", "repeat")}
    return Observation(trial=trial, state="pending", **plain(known))


def loss_of(observation: Observation, objective: Mapping[str, str]) -> float:
    """What is to be minimized; NaN if the metric is missing or was not finite."""
    value = observation.metrics.get(objective["metric"])
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    return -value if objective["direction"] == "maximize" else value


def best_of(history: Sequence[Observation], objective: Mapping[str, str]) -> Observation | None:
    """The finished trial with the best value of an objective."""
    done = [one for one in history if one.state == "done" and not math.isnan(loss_of(one, objective))]
    return min(done, key=lambda one: loss_of(one, objective), default=None)
