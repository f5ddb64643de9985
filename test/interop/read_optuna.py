"""Prints, as JSON, what Optuna reads in a journal: python read_optuna.py FILE"""
import json
import sys

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

storage = JournalStorage(JournalFileBackend(sys.argv[1]))
(name,) = optuna.get_all_study_names(storage)
study = optuna.load_study(study_name=name, storage=storage)
for trial in study.trials:
    trial._validate()
print(json.dumps({
    "name": name,
    "metrics": study.metric_names,
    "direction": study.direction.name,
    "best": study.best_trial.number,
    "value": study.best_value,
    "trials": [
        {
            "state": trial.state.name,
            "values": trial.values,
            "params": trial.params,
            "curve": sorted(trial.intermediate_values.items()),
            "seconds": trial.duration.total_seconds(),
            "attempts": trial.user_attrs["attempts"],
        }
        for trial in study.trials
    ],
}))
