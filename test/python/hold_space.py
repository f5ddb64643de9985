"""Holds maggy_actors against cases that src/space made: JSON on standard input, one list of differences on standard output."""

import json
import math
import sys
from typing import Any

from maggy_actors import Space, create_random, derive_seed

differences: list[str] = []


def close(one: Any, other: Any) -> bool:
    """Equal; numbers but for the last bits, for logarithms are rounded by each library in its own way."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None or isinstance(one, str):
        return type(one) is type(other) and one == other
    if isinstance(one, dict):
        return list(one) == list(other) and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(close, one, other))
    return not isinstance(other, str) and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def hold(what: str, given: Any, wanted: Any) -> None:
    if not close(wanted, given):
        differences.append(f"{what}: {given!r}, and src/space says {wanted!r}")


cases = json.load(sys.stdin)
for case in cases["random"]:
    random = create_random(*case["parts"])
    hold(f"random {case['parts']}", [random.uniform(), random.normal(), random.normal(), random.integer(1000)], case["draws"])
    hold(f"seed {case['parts']}", derive_seed(*case["parts"]), case["seed"])
for case in cases["spaces"]:
    space, name = Space(case["space"]), case["name"]
    for seed, wanted in enumerate(case["samples"]):
        hold(f"{name}.sample {seed}", space.sample(create_random(name, seed)), wanted)
    for point in case["points"]:
        hparams = point["hparams"]
        fault = space.fault(hparams)
        hold(f"{name}.fault {hparams}", None if fault is None else fault[0], point["fault"])
        hold(f"{name}.satisfied {hparams}", space.satisfied(hparams), point["satisfied"])
    for point in case["units"]:
        hold(f"{name}.to_unit {point['hparams']}", space.to_unit(point["hparams"]), point["units"])
        hold(f"{name}.from_unit {point['from']}", space.from_unit(point["from"]), point["made"])
json.dump(differences, sys.stdout)
