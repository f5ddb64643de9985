"""Makes a study of Optuna's in a journal, of 6 trials of which one fails and one is out of x's later bounds: python make_optuna.py FILE"""
import sys

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend


def objective(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", 0, 2)
    kind = trial.suggest_categorical("kind", ["relu", None])
    if trial.number == 2:
        raise ValueError("no")
    return float("inf") if trial.number == 3 else x + (kind is None)


study = optuna.create_study(study_name="theirs", storage=JournalStorage(JournalFileBackend(sys.argv[1])), direction="maximize")
for x in [0.1, 0.2, 0.3, 0.4, 0.5, 1.5]:
    study.enqueue_trial({"x": x, "kind": "relu"})
study.optimize(objective, n_trials=6, catch=(ValueError,))
