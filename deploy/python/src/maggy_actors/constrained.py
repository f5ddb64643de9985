"""
The part of a space that its constraints are about: its points are counted where they are few, or else estimated with random points.
The work is bounded, whatever the space. As in src/space/acceptance.ts and sample.ts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Sequence

from .parameter import Hparams, Parameter, count_of, from_unit, same, share_of, to_unit, value_at
from .randomness import Random, create_random
from .relations import Relations, SearchSpace, factors_of, is_active, keeps, relations_of, without_inactive

_MOST_TRIED = 500_000
_MOST_DRAWN, _LEAST_POINTS, _MOST_ESTIMATED, _ENOUGH_KEPT = 500_000, 2000, 100_000, 400
_MOST_POINTS = 20_000
# Moves away from a known point: how many for each parameter, how many in all at most, and how many tries at each move.
_SWEEPS, _MOVES, _NARROWINGS = 4, 64, 40


@dataclass(frozen=True)
class ConstrainedPart:
    space: SearchSpace
    kept: int
    """So many points keep all constraints, of ``of``."""
    of: float
    points: Sequence[Hparams] = ()
    """Points that keep the constraints: all of them if ``chances`` is given, or else some."""
    chances: Sequence[float] | None = None
    """For each point, the sum of its probability and those of the points before it."""
    relations: Relations = field(default_factory=lambda: Relations((), False, ()))


def draw(space: SearchSpace, relations: Relations, random: Random) -> Hparams:
    """One point without regard to constraints: one draw for each parameter, whether its condition holds or not."""
    values = {name: from_unit(parameter, random.uniform()) for name, parameter in space.items()}
    return without_inactive(space, relations, values) if relations.conditional else values


def constrained_part(whole: SearchSpace) -> ConstrainedPart:
    """Worked out for a valid space with constraints."""
    space = _part_of(whole)
    relations = relations_of(space)
    return _counted(space, relations) or _estimated(space, relations)


def sample_part(part: ConstrainedPart, random: Random) -> Hparams:
    """A point of the part that keeps the constraints; the part must have points."""
    return _moved(part, random) if part.chances is None else _drawn(part.points, part.chances, random)


def _part_of(space: SearchSpace) -> dict[str, Parameter]:
    """The parameters that constraints name, with all parents of theirs."""
    names: set[str] = set()

    def add(name: str) -> None:
        if name in names or name not in space:
            return
        names.add(name)
        when = space[name].get("when")
        if when is not None:
            add(when["parameter"])

    where = [constraint for parameter in space.values() for constraint in parameter.get("where") or ()]
    for constraint in where:
        for name in factors_of(constraint):
            add(name)
    part: dict[str, Parameter] = {name: {**parameter, "where": []} for name, parameter in space.items() if name in names}
    # A constraint may be written on a parameter that it does not name: all stand on one that is here.
    first = next(iter(part))
    part[first] = {**part[first], "where": where}
    return part


def cardinality(space: SearchSpace, relations: Relations) -> float:
    """How many different points there are, constraints aside."""

    def below(name: str, parameter: Parameter) -> float:
        children = [(n, p) for n, p in relations.order if (p.get("when") or {}).get("parameter") == name]
        count = count_of(parameter)
        if not children:
            return count
        counts = [(p, below(n, p)) for n, p in children]
        named: list[Any] = []
        for child, _ in counts:
            named += [one for one in child["when"]["in"] if not any(same(one, other) for other in named)]
        for value in named:
            there = [number for child, number in counts if is_active(child, {name: value})]
            count += math.prod(there) - 1
        return count

    roots = [(name, parameter) for name, parameter in relations.order if parameter.get("when") is None]
    return math.prod(below(name, parameter) for name, parameter in roots)


def _counted(space: SearchSpace, relations: Relations) -> ConstrainedPart | None:
    """Visits all points, parents first, and turns back where a constraint is broken; None if there are too many."""
    order = relations.order
    if any(count_of(parameter) == math.inf for _, parameter in order):
        return None
    place_of = {name: place for place, (name, _) in enumerate(order)}
    last = {max(place_of[name] for name in factors_of(placed.constraint)) for placed in relations.constraints}
    axes: list[dict[int, tuple[Any, float]]] = [{} for _ in order]
    points: list[Hparams] = []
    weights: list[float] = []
    values: Hparams = {}
    counts = [0, 0]

    def visit(place: int, weight: float) -> bool:
        if place == len(order):
            counts[0] += 1
            if len(points) <= _MOST_POINTS:
                points.append(dict(values))
                weights.append(weight)
            return True
        name, parameter = order[place]

        def goes_on(share: float) -> bool:
            return True if place in last and not keeps(relations, values) else visit(place + 1, weight * share)

        if not is_active(parameter, values):
            return goes_on(1.0)
        for index in range(int(count_of(parameter))):
            counts[1] += 1
            if counts[1] > _MOST_TRIED:
                return False
            known = axes[place]
            if index not in known:
                known[index] = (value_at(parameter, index), share_of(parameter, index))
            values[name], share = known[index]
            if not goes_on(share):
                return False
        values.pop(name, None)
        return True

    if not visit(0, 1.0):
        return None
    kept, of = counts[0], cardinality(space, relations)
    if kept > _MOST_POINTS:
        return ConstrainedPart(space, kept, of, points[:_MOST_POINTS], None, relations)
    total = 0.0
    chances = [total := total + weight for weight in weights]
    return ConstrainedPart(space, kept, of, points, chances, relations)


def _estimated(space: SearchSpace, relations: Relations) -> ConstrainedPart:
    random = create_random("acceptance")
    most = min(_MOST_ESTIMATED, max(_LEAST_POINTS, _MOST_DRAWN // len(space)))
    points: list[Hparams] = []
    of = 0
    while of < most and len(points) < _ENOUGH_KEPT:
        point = draw(space, relations, random)
        of += 1
        if keeps(relations, point):
            points.append(point)
    return ConstrainedPart(space, len(points), of, points, None, relations)


def _drawn(points: Sequence[Hparams], chances: Sequence[float], random: Random) -> Hparams:
    pick = random.uniform() * chances[-1]
    low, high = 0, len(points) - 1
    while low < high:
        middle = (low + high) >> 1
        if chances[middle] > pick:
            high = middle
        else:
            low = middle + 1
    return points[low]


def _moved(part: ConstrainedPart, random: Random) -> Hparams:
    """Slice sampling, one parameter at a time (R. Neal, "Slice Sampling", 2003, section 4), away from a known point."""
    space, relations = part.space, part.relations
    start = part.points[random.integer(len(part.points))]
    values: Hparams = {}
    for name, parameter in space.items():
        fresh = from_unit(parameter, random.uniform())
        values[name] = start.get(name, fresh)

    def active() -> Hparams:
        return without_inactive(space, relations, values) if relations.conditional else values

    parameters = list(space.items())
    for _ in range(min(_MOVES, _SWEEPS * len(parameters))):
        name, parameter = parameters[random.integer(len(parameters))]
        before = values[name]
        unit = to_unit(parameter, before)
        low, high, kept = 0.0, 1.0, False
        for _ in range(_NARROWINGS):
            at = low + (high - low) * random.uniform()
            values[name] = from_unit(parameter, at)
            kept = keeps(relations, active())
            if kept:
                break
            if at < unit:
                low = at
            else:
                high = at
        if not kept:
            values[name] = before
    return dict(active())
