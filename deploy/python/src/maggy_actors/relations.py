"""
Relations between parameters, as in src/space/relations.ts: conditions (a parameter is active only where another one has certain values)
and constraints (a sum or a product within bounds, wherever all parameters that it names are active).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Mapping

from .parameter import Hparams, Parameter, is_number, is_whole, same

SearchSpace = Mapping[str, Parameter]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class PlacedConstraint:
    name: str
    """The parameter that the constraint is an option of."""
    index: int
    constraint: Mapping[str, Any]


@dataclass(frozen=True)
class Relations:
    order: tuple[tuple[str, Parameter], ...]
    """Parents come before their children; without conditions the order is the space's own."""
    conditional: bool
    constraints: tuple[PlacedConstraint, ...]


def relations_of(space: SearchSpace) -> Relations:
    return Relations(
        order=tuple(_in_order(space)),
        conditional=any(parameter.get("when") is not None for parameter in space.values()),
        constraints=tuple(
            PlacedConstraint(name, index, constraint)
            for name, parameter in space.items()
            for index, constraint in enumerate(parameter.get("where") or ())
        ),
    )


def _in_order(space: SearchSpace) -> list[tuple[str, Parameter]]:
    """Parents first. A parameter that depends on itself, or on one that does not exist, is left out."""
    order: list[tuple[str, Parameter]] = []
    placed: set[str] = set()
    left = list(space.items())
    while left:
        later = []
        for name, parameter in left:
            when = parameter.get("when")
            if when is None or when["parameter"] in placed:
                order.append((name, parameter))
                placed.add(name)
            else:
                later.append((name, parameter))
        if len(later) == len(left):
            break
        left = later
    return order


def is_active(parameter: Parameter, values: Values) -> bool:
    """Given its parents' values. A parameter that is not active has no value in ``values``."""
    when = parameter.get("when")
    if when is None:
        return True
    parent = when["parameter"]
    return parent in values and any(same(one, values[parent]) for one in when["in"])


def without_inactive(space: SearchSpace, relations: Relations, values: Values) -> Hparams:
    """The values of those parameters whose conditions hold, in the space's order."""
    active: Hparams = {}
    for name, parameter in relations.order:
        if is_active(parameter, active):
            active[name] = values[name]
    return {name: active[name] for name in space if name in active}


def factors_of(constraint: Mapping[str, Any]) -> Mapping[str, float]:
    factors: Mapping[str, float] = constraint["sum"] if "sum" in constraint else constraint["product"]
    return factors


def _measure(constraint: Mapping[str, Any], values: Values) -> tuple[float, float] | None:
    """What it comes to, and how large the numbers are that it is made of; None where a parameter is not active."""
    factors = factors_of(constraint)
    is_sum = "sum" in constraint
    total, size = (0.0 if is_sum else 1.0), 0.0
    for name, factor in factors.items():
        value: Any = values.get(name)
        if not is_number(value):
            return None
        if is_sum:
            total += float(factor) * float(value)
            size += abs(float(factor) * float(value))
        else:
            total *= _power(float(value), float(factor))
    if is_sum:
        return (total, size) if math.isfinite(size) else _scaled_sum(factors, values)
    if total == 0 or not math.isfinite(total):
        total = _product_by_logarithms(factors, values)
    return total, min(1.7976931348623157e308, abs(total))


def _power(value: float, power: float) -> float:
    try:
        result = value**power
    except OverflowError:
        return math.inf if value > 0 or power % 2 == 0 else -math.inf
    except ZeroDivisionError:
        return math.inf
    return result if isinstance(result, float) else math.nan


def _scaled_sum(factors: Mapping[str, float], values: Values) -> tuple[float, float]:
    """A term overflows, though the sum may not: terms are scaled down by 2^1040, and their sum up again."""
    scale = 2.0**520
    total = sum((factor / scale) * (values[name] / scale) for name, factor in factors.items())
    return total * scale * scale, 1.7976931348623157e308


def _product_by_logarithms(factors: Mapping[str, float], values: Values) -> float:
    """A product that overflows or vanishes on the way, though it may come to an ordinary number."""
    log, sign = 0.0, 1.0
    for name, power in factors.items():
        value = float(values[name])
        if power == 0:
            continue
        if value < 0 and not is_whole(power):
            return math.nan
        log += power * (math.log(abs(value)) if value != 0 else -math.inf)
        if value < 0 and power % 2 != 0:
            sign = -sign
    try:
        return sign * math.exp(log)
    except OverflowError:
        return sign * math.inf


def _fault_of(constraint: Mapping[str, Any], values: Values) -> float | None:
    """What a constraint comes to where it is broken. Rounding of decimals is no fault: 0.1 + 0.2 is at most 0.3."""
    measured = _measure(constraint, values)
    if measured is None:
        return None
    total, size = measured

    def slack(bound: float) -> float:
        return 1e-12 * max(size, abs(bound))

    least, most = constraint.get("atLeast"), constraint.get("atMost")
    enough = least is None or total >= least - slack(least)
    fits = most is None or total <= most + slack(most)
    return None if enough and fits and not math.isnan(total) else total


def keeps(relations: Relations, values: Values) -> bool:
    """Whether values keep all constraints."""
    return all(_fault_of(placed.constraint, values) is None for placed in relations.constraints)


def broken(relations: Relations, values: Values) -> tuple[str, str] | None:
    """The first constraint that values break: the parameter that it stands on, and why."""
    for placed in relations.constraints:
        total = _fault_of(placed.constraint, values)
        if total is not None:
            return placed.name, f"breaks a constraint: {_told(placed.constraint)} is {total:.12g}"
    return None


def _told(constraint: Mapping[str, Any]) -> str:
    factors = factors_of(constraint)
    if "sum" in constraint:
        text = " + ".join(name if factor == 1 else f"{factor} * {name}" for name, factor in factors.items())
    else:
        text = " * ".join(name if power == 1 else f"{name} ** {power}" for name, power in factors.items())
    bounds = [f"{sign} {constraint[key]}" for key, sign in (("atLeast", ">="), ("atMost", "<=")) if key in constraint]
    return f"{text} {' and '.join(bounds)}"
