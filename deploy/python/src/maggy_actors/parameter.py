"""
One parameter as numbers: how many values it has, which is the k-th, and its way to and from the unit interval. The same as
src/space/parameter.ts: 1, True, '1' and None are four different values, and steps are kept as the nearest short decimal.
"""

from __future__ import annotations

import json
import math
from typing import Any, Mapping, Union, cast

Scalar = Union[str, float, bool, None]
Value = Union[Scalar, "list[Scalar]"]
Hparams = dict[str, Any]
"""Hyperparameters by name."""
Parameter = Mapping[str, Any]

EPSILON = 2.0**-52


def is_number(value: object) -> bool:
    """A bool is no number, whatever Python says."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_finite(value: object) -> bool:
    try:
        return is_number(value) and math.isfinite(cast(float, value))
    except OverflowError:
        return False


def is_whole(value: object) -> bool:
    return is_finite(value) and float(cast(float, value)).is_integer()


def same(one: object, other: object) -> bool:
    """Equal as values of hyperparameters: 1 is 1.0, and neither is True."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return type(one) in _PLAIN and type(other) in _PLAIN and one == other


_PLAIN = (int, float, str, type(None))


def is_range(parameter: Parameter) -> bool:
    return parameter["type"] in ("double", "integer")


def _step_of(parameter: Parameter) -> float | None:
    """The step that a range has; None for a double that takes any value."""
    step = parameter.get("step")
    if step is not None:
        return cast(float, step)
    return None if parameter["type"] == "double" else 1


def _slack(parameter: Parameter, step: float) -> float:
    largest = max(abs(parameter["low"]), abs(parameter["high"]))
    return float(min(0.01, 8 * EPSILON * largest / step + 1e-12))


def _steps_in(parameter: Parameter, step: float) -> int:
    return int(math.floor((parameter["high"] - parameter["low"]) / step + _slack(parameter, step)))


def _decimals(value: float) -> int:
    mantissa, _, exponent = repr(value).partition("e")
    fraction = mantissa.partition(".")[2]
    return max(0, (0 if fraction in ("", "0") else len(fraction)) - int(exponent or "0"))


def _clamp(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))


def _on_step(parameter: Parameter, step: float, index: int) -> float:
    low, high = parameter["low"], parameter["high"]
    exact = low + index * step
    if is_whole(low) and is_whole(step):
        return _plain(parameter, _clamp(exact, low, high))
    digits = max(_decimals(low), _decimals(step))
    value = exact if digits > 20 or abs(exact) >= 1e21 else float(f"{exact:.{digits}f}")
    return _plain(parameter, _clamp(value, low, high) + 0.0)


def _plain(parameter: Parameter, value: float) -> float:
    """A whole-number parameter has ints."""
    return int(value) if parameter["type"] == "integer" else value


def is_logarithmic(parameter: Parameter) -> bool:
    """On a range so narrow that logarithms tell no values apart, the law is linear."""
    return parameter.get("log") is True and parameter["high"] - parameter["low"] > 1e-6 * parameter["low"]


def count_of(parameter: Parameter) -> float:
    """How many values; infinity for a double without a step."""
    kind = parameter["type"]
    if kind == "discrete":
        return float(len(parameter["values"]))
    if kind == "categorical":
        return float(len(parameter["choices"]))
    if kind == "constant" or parameter["low"] == parameter["high"]:
        return 1
    step = _step_of(parameter)
    return math.inf if step is None else _steps_in(parameter, step) + 1


def value_at(parameter: Parameter, index: int) -> Any:
    """The k-th value of a parameter with a finite number of values."""
    count = count_of(parameter)
    if not 0 <= index < count or count == math.inf:
        raise IndexError(f"value {index} of {count}")
    kind = parameter["type"]
    if kind == "discrete":
        return parameter["values"][index]
    if kind == "categorical":
        return parameter["choices"][index]
    if kind == "constant":
        return parameter["value"]
    step = _step_of(parameter)
    return parameter["low"] if step is None else _on_step(parameter, step, index)


def index_of(parameter: Parameter, value: object) -> int | None:
    """Which value it is, or None if it is none of them. Not for doubles that take any value."""
    kind = parameter["type"]
    if kind == "constant":
        return 0 if same(parameter["value"], value) else None
    if kind in ("discrete", "categorical"):
        values = parameter["values"] if kind == "discrete" else parameter["choices"]
        return next((index for index, one in enumerate(values) if same(one, value)), None)
    if parameter["low"] == parameter["high"]:
        return 0 if same(parameter["low"], value) else None
    step = _step_of(parameter)
    if step is None or not is_finite(value):
        return None
    number = cast(float, value)
    if kind == "integer" and not is_whole(number):
        return None
    position = (number - parameter["low"]) / step
    index = math.floor(position + 0.5)
    if not 0 <= index <= _steps_in(parameter, step):
        return None
    near = abs(position - index) <= _slack(parameter, step) or _on_step(parameter, step, index) == number
    return index if near else None


def share_of(parameter: Parameter, index: int) -> float:
    """The probability of the k-th value of a parameter with a finite number of values, if the unit is uniform."""
    count = count_of(parameter)
    step = _step_of(parameter) if is_range(parameter) and is_logarithmic(parameter) else None
    if step is None or count == 1:
        return 1 / count
    begin, end = _span(parameter)

    def edge(at: int) -> float:
        if at <= 0:
            return begin
        return end if at >= count else math.log(parameter["low"] + (at - 0.5) * step)

    return (edge(index + 1) - edge(index)) / (end - begin)


def _span(parameter: Parameter) -> tuple[float, float]:
    """What the unit interval stands for: in log space if the law is logarithmic, with half a step beyond both ends."""
    low, step = parameter["low"], _step_of(parameter)
    last = parameter["high"] if step is None else _on_step(parameter, step, _steps_in(parameter, step))
    half = (step or 0) / 2
    if not is_logarithmic(parameter):
        return low - half, last + half
    return math.log(low - min(half, low / 2)), math.log(min(1.7976931348623157e308, last + half))


def _is_even(parameter: Parameter) -> bool:
    """Whether each of its values has an equal share of the unit interval."""
    return not is_range(parameter) or (not is_logarithmic(parameter) and _step_of(parameter) is not None)


def from_unit(parameter: Parameter, unit: float) -> Any:
    """The value at ``unit`` of [0, 1]: if unit is uniform, the value follows the parameter's law."""
    if _is_even(parameter):
        count = count_of(parameter)
        return value_at(parameter, int(min(count - 1, math.floor(_clamp(unit, 0, 1) * count))))
    begin, end = _span(parameter)
    at = begin * (1 - unit) + end * unit
    value = _clamp(math.exp(at) if is_logarithmic(parameter) else at, parameter["low"], parameter["high"])
    step = _step_of(parameter)
    if step is None:
        return value + 0.0
    nearest = math.floor((value - parameter["low"]) / step + 0.5)
    return _on_step(parameter, step, int(_clamp(nearest, 0, _steps_in(parameter, step))))


def to_unit(parameter: Parameter, value: Any) -> float:
    """Where in [0, 1] a value stands: the inverse of from_unit, in the middle of the share of a value that is one of a few."""
    if _is_even(parameter):
        return ((index_of(parameter, value) or 0) + 0.5) / count_of(parameter)
    begin, end = _span(parameter)
    if begin == end:
        return 0.5
    at = _clamp(value, parameter["low"], parameter["high"])
    return _clamp(((math.log(at) if is_logarithmic(parameter) else at) - begin) / (end - begin), 0, 1)


def reason_against(parameter: Parameter, value: object) -> str | None:
    """Why a value is none of this parameter's; None if it is one."""
    reason = _other_than(parameter, value)
    return None if reason is None else f"is {show(value)}, {reason}"


def _other_than(parameter: Parameter, value: object) -> str | None:
    kind = parameter["type"]
    if kind in ("discrete", "categorical"):
        values = parameter["values"] if kind == "discrete" else parameter["choices"]
        return f"none of {_listed(values)}" if index_of(parameter, value) is None else None
    if kind == "constant":
        return f"not {show(parameter['value'])}" if index_of(parameter, value) is None else None
    if not is_finite(value):
        return "not a finite number"
    number = cast(float, value)
    if kind == "integer" and not is_whole(number):
        return "not a whole number"
    if number < parameter["low"] or number > parameter["high"]:
        return f"outside of {parameter['low']} to {parameter['high']}"
    step = _step_of(parameter)
    if step is None or index_of(parameter, number) is not None:
        return None
    return f"not on the steps of {step} from {parameter['low']}"


def show(value: object) -> str:
    """A value in a message: short, and with its kind to be seen."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _listed(values: list[Any]) -> str:
    rest = f" … ({len(values)} in all)" if len(values) > 8 else ""
    return ", ".join(map(show, values[:8])) + rest
