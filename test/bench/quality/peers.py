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


def version(package, sampler):
    needed = {"optuna-gp": ["torch"], "optuna-cmaes": ["cmaes"]}.get(f"{package}-{sampler}", [])
    try:
        for name in [package, *needed]:
            importlib.import_module(name)
    except ImportError:
        return None
    return importlib.metadata.version(package)


peer = None
for line in sys.stdin:
    said = json.loads(line)
    answer = {}
    if "version" in said:
        answer = {"version": version(*said["version"].split("-", 1))}
    elif "open" in said:
        package, sampler = said["open"].pop("sampler").split("-", 1)
        peer = {"optuna": Optuna, "smac": Smac}[package](sampler=sampler, **said["open"])
    elif "ask" in said:
        answer = {"hparams": peer.ask(said["ask"])}
    else:
        peer.tell(said["tell"], said["values"])
    print(json.dumps(answer), flush=True)
