"""Samplers of other packages, asked and told by the referee: lines of JSON on standard input, an answer for each on standard output.

{"open": {"space": …, "sampler": "optuna-tpe", "seed": 1, "trials": 100, "objectives": 1}} -> {}
{"version": "optuna-tpe"} -> {"version": "5.0.0"}, or null where the package or a part of it is missing
{"ask": 3} -> {"hparams": {…}}        {"tell": 3, "values": [0.5] or null where the trial failed} -> {}
"""

import importlib
import importlib.metadata
import json
import random
import sys
import warnings

warnings.simplefilter("ignore")


def active(parameter, values):
    condition = parameter.get("when")
    return condition is None or values.get(condition["parameter"], condition) in condition["in"]


class Optuna:
    def __init__(self, space, sampler, seed, trials, objectives):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna, self.space, self.trials = optuna, space, {}
        samplers = optuna.samplers
        made = {
            "tpe": lambda: samplers.TPESampler(seed=seed),
            "gp": lambda: samplers.GPSampler(seed=seed, deterministic_objective=False),
            "cmaes": lambda: samplers.CmaEsSampler(seed=seed),
            "nsga2": lambda: samplers.NSGAIISampler(seed=seed),
            "random": lambda: samplers.RandomSampler(seed=seed),
        }
        self.study = optuna.create_study(sampler=made[sampler](), directions=["minimize"] * objectives)

    def suggested(self, trial, name, p):
        if p["type"] == "categorical":
            return trial.suggest_categorical(name, p["choices"])
        if p["type"] == "discrete":
            # Optuna has no list of numbers: its users search for the index.
            return p["values"][trial.suggest_int(name, 0, len(p["values"]) - 1)]
        if p["type"] == "constant":
            return p["value"]
        step, log = p.get("step"), p.get("log", False)
        if p["type"] == "integer":
            return trial.suggest_int(name, p["low"], p["high"], step=step or 1, log=log)
        if step is not None and log:
            low, count = p["low"], int((p["high"] - p["low"]) / step + 1e-9)
            return low + step * round((trial.suggest_float(name, low, low + step * count, log=True) - low) / step)
        return trial.suggest_float(name, p["low"], p["high"], step=step, log=log)

    def ask(self, number):
        trial = self.trials[number] = self.study.ask()
        values = {}
        for name, p in self.space.items():
            if active(p, values):
                values[name] = self.suggested(trial, name, p)
        return values

    def tell(self, number, values):
        trial = self.trials.pop(number)
        if values is None:
            self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(trial, values)


class Smac:
    def __init__(self, space, sampler, seed, trials, objectives):
        import logging

        from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, InCondition, Float, Integer, OrdinalHyperparameter
        from smac import HyperparameterOptimizationFacade, Scenario

        logging.disable(logging.CRITICAL)
        self.space, self.asked = space, {}
        made, items = ConfigurationSpace(seed=seed), {}
        for name, p in space.items():
            if p["type"] == "categorical":
                items[name] = Categorical(name, list(range(len(p["choices"]))))
            elif p["type"] == "discrete":
                items[name] = OrdinalHyperparameter(name, list(range(len(p["values"]))))
            elif p.get("step") is not None:
                items[name] = Integer(name, (0, int((p["high"] - p["low"]) / p["step"] + 1e-9)))
            elif p["type"] == "integer":
                items[name] = Integer(name, (p["low"], p["high"]), log=p.get("log", False))
            else:
                items[name] = Float(name, (p["low"], p["high"]), log=p.get("log", False))
        made.add(list(items.values()))
        for name, p in space.items():
            if "when" in p:
                parent = p["when"]["parameter"]
                choices = [space[parent]["choices"].index(each) for each in p["when"]["in"]]
                made.add(InCondition(items[name], items[parent], choices))
        scenario = Scenario(made, n_trials=trials, seed=seed, deterministic=True, output_directory=f"/tmp/smac-{random.random()}")
        self.smac = HyperparameterOptimizationFacade(scenario, lambda config, seed: 0.0, overwrite=True, logging_level=False)

    def ask(self, number):
        info = self.asked[number] = self.smac.ask()
        values = {}
        for name, at in dict(info.config).items():
            p = self.space[name]
            if p["type"] == "categorical":
                values[name] = p["choices"][int(at)]
            elif p["type"] == "discrete":
                values[name] = p["values"][int(at)]
            elif p.get("step") is not None:
                values[name] = p["low"] + p["step"] * int(at)
            else:
                values[name] = int(at) if p["type"] == "integer" else float(at)
        return values

    def tell(self, number, values):
        from smac.runhistory import StatusType, TrialValue

        failed = values is None
        value = TrialValue(cost=1e10 if failed else values[0], status=StatusType.CRASHED if failed else StatusType.SUCCESS)
        self.smac.tell(self.asked.pop(number), value)


class Hebo:
    """Knows neither conditions nor trials that fail or are under way: all parameters vary, and what fails counts as the worst so far."""

    def __init__(self, space, sampler, seed, trials, objectives):
        import numpy
        import torch
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        numpy.random.seed(seed)
        torch.manual_seed(seed)
        self.space, self.asked, self.worst = space, {}, 1.0
        self.varying = {name: p for name, p in space.items() if p["type"] != "constant"}
        self.hebo = HEBO(DesignSpace().parse([self.column(name, p) for name, p in self.varying.items()]), scramble_seed=seed)

    def column(self, name, p):
        if p["type"] == "categorical":
            return {"name": name, "type": "cat", "categories": [str(index) for index in range(len(p["choices"]))]}
        if p["type"] == "discrete":
            return {"name": name, "type": "int", "lb": 0, "ub": len(p["values"]) - 1}
        if p.get("step") is not None:
            return {"name": name, "type": "int", "lb": 0, "ub": int((p["high"] - p["low"]) / p["step"] + 1e-9)}
        log, integer = p.get("log", False), p["type"] == "integer"
        kind = ("pow_int" if log else "int") if integer else ("pow" if log else "num")
        return {"name": name, "type": kind, "lb": p["low"], "ub": p["high"]}

    def value(self, p, at):
        if p["type"] == "categorical":
            return p["choices"][int(at)]
        if p["type"] == "discrete":
            return p["values"][int(at)]
        if p.get("step") is not None:
            return p["low"] + p["step"] * int(at)
        return int(at) if p["type"] == "integer" else float(at)

    def ask(self, number):
        row = self.asked[number] = self.hebo.suggest(n_suggestions=1)
        values = {}
        for name, p in self.space.items():
            if active(p, values):
                values[name] = p["value"] if p["type"] == "constant" else self.value(p, row[name].iloc[0])
        return values

    def tell(self, number, values):
        import numpy

        loss = self.worst if values is None else values[0]
        self.worst = max(self.worst, loss)
        self.hebo.observe(self.asked.pop(number), numpy.array([[loss]]))


made = {"optuna": Optuna, "smac": Smac, "hebo": Hebo}


def parts(name):
    """Package and sampler: optuna-tpe, smac."""
    package, _, sampler = name.partition("-")
    return package, sampler


def version(package, sampler):
    needed = {"optuna-gp": ["torch"], "optuna-cmaes": ["cmaes"], "hebo": ["torch"]}.get(f"{package}-{sampler}".rstrip("-"), [])
    if package not in made:
        return None
    try:
        for name in [package, *needed]:
            importlib.import_module(name)
    except ImportError:
        return None
    return importlib.metadata.version(package)


# Some packages print as they go.
answers, sys.stdout = sys.stdout, sys.stderr
peer = None
for line in sys.stdin:
    said = json.loads(line)
    answer = {}
    if "version" in said:
        answer = {"version": version(*parts(said["version"]))}
    elif "open" in said:
        package, sampler = parts(said["open"].pop("sampler"))
        peer = made[package](sampler=sampler, **said["open"])
    elif "ask" in said:
        answer = {"hparams": peer.ask(said["ask"])}
    else:
        peer.tell(said["tell"], said["values"])
    print(json.dumps(answer), file=answers, flush=True)
