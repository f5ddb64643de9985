"""A search space as the driver sends it, and what can be done with it; equal in meaning to src/space."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Iterator, Mapping

from .constrained import ConstrainedPart, constrained_part, draw, sample_part
from .errors import MaggyError
from .parameter import Hparams, Parameter, from_unit, index_of, reason_against, show, to_unit
from .randomness import Random
from .relations import Relations, broken, factors_of, is_active, keeps, relations_of, without_inactive

# Where the constraints keep at least this share of the points, points are drawn until one keeps them.
_ENOUGH, _TRIES = 0.05, 200


class Space(Mapping[str, Parameter]):
    """Parameters by name: ``space['lr']['low']``. A space never changes."""

    def __init__(self, parameters: Mapping[str, Mapping[str, Any]]) -> None:
        self._parameters = dict(parameters)

    def __getitem__(self, name: str) -> Parameter:
        return self._parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __repr__(self) -> str:
        return f"Space({self._parameters!r})"

    @cached_property
    def relations(self) -> Relations:
        return relations_of(self._parameters)

    @cached_property
    def _part(self) -> ConstrainedPart:
        return constrained_part(self._parameters)

    def sample(self, rng: Random) -> Hparams:
        """A random point: each parameter by its own law, as far as the constraints let it. SPACE_INVALID if none is found."""
        relations = self.relations
        first = draw(self._parameters, relations, rng)
        if not relations.constraints or keeps(relations, first):
            return first
        part = self._part
        if part.kept >= _ENOUGH * part.of:
            for _ in range(1, _TRIES):
                point = draw(self._parameters, relations, rng)
                if keeps(relations, point):
                    return point
        if not part.points:
            path = f"space.{relations.constraints[0].name}.where"
            raise MaggyError("SPACE_INVALID", path=path, reason=f"keeps {part.kept} of {part.of} points")
        chosen = sample_part(part, rng)
        values: Hparams = {}
        for name, parameter in self._parameters.items():
            fresh = from_unit(parameter, rng.uniform())
            values[name] = chosen.get(name, fresh)
        return without_inactive(self._parameters, relations, values)

    def active(self, values: Mapping[str, Any]) -> Hparams:
        """The values of those parameters whose conditions hold; what is left out of hparams is left out here."""
        chosen: Hparams = {}
        for name, parameter in self.relations.order:
            if name in values and is_active(parameter, chosen):
                chosen[name] = values[name]
        return {name: chosen[name] for name in self._parameters if name in chosen}

    def is_active(self, name: str, values: Mapping[str, Any]) -> bool:
        """Whether a parameter has a value beside these values of others."""
        return is_active(self._parameters[name], values)

    def satisfied(self, hparams: Mapping[str, Any]) -> bool:
        """Whether all constraints (``where``) hold."""
        return keeps(self.relations, hparams)

    def fault(self, hparams: object, path: str = "hparams") -> tuple[str, str] | None:
        """The path and the reason of the first thing that is wrong with a point; None if nothing is."""
        if not isinstance(hparams, Mapping):
            return path, "is not a map of values by name"
        for name, parameter in self._parameters.items():
            if is_active(parameter, hparams):
                reason = reason_against(parameter, hparams[name]) if name in hparams else "is missing"
            else:
                reason = _present(parameter, hparams, name)
            if reason is not None:
                return f"{path}.{name}", reason
        for name in hparams:
            if name not in self._parameters:
                return f"{path}.{name}", "is not in the search space"
        fault = broken(self.relations, hparams)
        return None if fault is None else (f"{path}.{fault[0]}", fault[1])

    def validate(self, hparams: object, path: str = "hparams") -> Hparams:
        """The point itself, or HPARAMS_INVALID with the path of the first fault."""
        fault = self.fault(hparams, path)
        if fault is not None:
            raise MaggyError("HPARAMS_INVALID", path=fault[0], reason=fault[1])
        assert isinstance(hparams, Mapping)
        return dict(hparams)

    def to_unit(self, hparams: Mapping[str, Any]) -> dict[str, float]:
        """Each value's place in [0, 1], by its parameter's law (with ``log`` in log space)."""
        return {name: to_unit(self._parameters[name], value) for name, value in hparams.items()}

    def from_unit(self, units: Mapping[str, float]) -> Hparams:
        """The point at these places of [0, 1], one for each parameter; without those that are not active. Constraints aside."""
        values = {name: from_unit(parameter, units[name]) for name, parameter in self._parameters.items()}
        return without_inactive(self._parameters, self.relations, values)

    def fixed_to(self, values: Mapping[str, Any], path: str = "enqueue") -> Space:
        """The space in which only these values are left: a parent keeps the values that its fixed children need. HPARAMS_INVALID."""
        narrowed: dict[str, Parameter] = {}
        for name, value in values.items():
            if name not in self._parameters:
                raise MaggyError("HPARAMS_INVALID", path=f"{path}.{name}", reason="is not in the search space")
            reason = reason_against(self._parameters[name], value)
            if reason is not None:
                raise MaggyError("HPARAMS_INVALID", path=f"{path}.{name}", reason=reason)
            narrowed[name] = _one_of(self._parameters[name], [value])
        for name, parameter in reversed(self.relations.order):
            when = parameter.get("when")
            if when is None or name not in narrowed:
                continue
            parent = when["parameter"]
            before = narrowed.get(parent)
            left = [one for one in when["in"] if before is None or index_of(before, one) is not None]
            if not left:
                reason = f"is only there when {parent} is {' or '.join(map(show, when['in']))}: leave it out"
                raise MaggyError("HPARAMS_INVALID", path=f"{path}.{name}", reason=reason)
            narrowed[parent] = _one_of(self._parameters[parent], left)
        return Space({**self._parameters, **narrowed})

    def only_point(self) -> Hparams | None:
        """The only point of a space in which nothing is left to choose; None if something is."""
        values: Hparams = {}
        for name, parameter in self.relations.order:
            if is_active(parameter, values):
                if parameter["type"] != "constant":
                    return None
                values[name] = parameter["value"]
        return {name: values[name] for name in self._parameters if name in values}

    def constraints_on(self, name: str) -> list[Mapping[str, Any]]:
        """The constraints that name a parameter."""
        return [placed.constraint for placed in self.relations.constraints if name in factors_of(placed.constraint)]


def _present(parameter: Parameter, hparams: Mapping[str, Any], name: str) -> str | None:
    when = parameter.get("when")
    if name not in hparams or when is None:
        return None
    parent = f"is {show(hparams[when['parameter']])}" if when["parameter"] in hparams else "is not there"
    wanted = " or ".join(map(show, when["in"]))
    return f"is only there when {when['parameter']} is {wanted}, but that {parent}: leave it out"


def _one_of(parameter: Parameter, values: list[Any]) -> Parameter:
    """The parameter with only these of its values."""
    relations = {key: parameter[key] for key in ("when", "where") if key in parameter}
    if len(values) == 1:
        return {"type": "constant", "value": values[0], **relations}
    if parameter["type"] == "categorical":
        return {**parameter, "choices": values}
    return {"type": "discrete", "values": values, **relations}
