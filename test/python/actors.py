"""Actors of maggy_actors for tests: `python actors.py optimizer|lazy|pruner|ablator|worker --server …`."""

import os
import sys
import time
from typing import Any

from maggy_actors import Observation, Random, Reporter, Space, Unfit, Worker, serve_ablator, serve_optimizer, serve_pruner


def refuse(options: dict[str, Any]) -> dict[str, Any]:
    for name in options:
        if name != "greed":
            raise Unfit(f"options.{name}", "is unknown; there is greed")
    return {"greed": options.get("greed", 0.5)}


def climb(space: Space, rng: Random, best: Observation | None, state: dict[str, Any]) -> dict[str, Any]:
    """Near the best point, or anywhere."""
    if best is None or rng.uniform() > state["greed"]:
        return space.sample(rng)
    units = {name: min(1.0, max(0.0, unit + 0.1 * rng.normal())) for name, unit in space.to_unit(best.hparams).items()}
    return space.from_unit({name: units.get(name, 0.5) for name in space})


def lazy(space: Space, rng: Random, pending: list[Observation], trial: int) -> Any:
    """One at a time, and five in all."""
    if trial >= 5:
        return "exhausted"
    return "wait" if pending else space.sample(rng)


def wrong() -> Any:
    return {"x": float("nan")}


def judge(trial: Any) -> str:
    return "stop" if trial.trial % 2 == 1 else "continue"


def leave_out(components: list[dict[str, Any]], trial: int) -> Any:
    names = [[], *([component["name"]] for component in components)]
    return names[trial] if trial < len(names) else "exhausted"


def bowl(hparams: dict[str, Any], reporter: Reporter) -> float:
    loss = (hparams["x"] - 0.25) ** 2 + (0 if hparams["k"] == "b" else 0.5)
    for step in range(3):
        reporter.report({"loss": loss + 3 - step})
    print("computed by Python")
    return float(loss)


def odd(hparams: dict[str, Any], reporter: Reporter, seed: int) -> Any:
    """What goes wrong in user code, by the choice."""
    kind = hparams["k"]
    if kind == "raises":
        raise ValueError("no such file")
    if kind == "nothing":
        return None
    if kind == "dies":
        os._exit(9)
    if kind == "deaf":
        time.sleep(600)
    if kind == "long":
        while True:
            reporter.report(1.0)
            time.sleep(0.01)
    return float(seed)


def hold(gate: str) -> None:
    """One runner of many loads at once; the others once the gate has gone."""
    try:
        os.close(os.open(f"{gate}.first", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        while os.path.exists(gate):
            time.sleep(0.05)


if __name__ == "__mp_main__" and "TEST_UNFIT" in os.environ:
    os._exit(3)
if __name__ == "__mp_main__" and "TEST_GATE" in os.environ:
    hold(os.environ["TEST_GATE"])

if __name__ == "__main__":
    role = sys.argv.pop(1)
    if role == "optimizer":
        serve_optimizer("climb", climb, open=refuse, notes=lambda state: [f"greed is {state['greed']}"])
    elif role == "lazy":
        serve_optimizer("lazy", lazy)
    elif role == "wrong":
        serve_optimizer("wrong", wrong)
    elif role == "pruner":
        serve_pruner("odds", judge)
    elif role == "ablator":
        serve_ablator("once", leave_out, adaptive=False)
    elif role == "worker":
        Worker(bowl, 2, {"kind": "bowl"}, experiments=["test", "bowl"]).run()
    elif role == "half":
        Worker(bowl, 2, experiments=["half"]).run()
    elif role == "odd":
        Worker(odd, labels={"kind": "odd"}, experiments=["odd"]).run()
    else:
        raise SystemExit(f"no role {role}")
