"""Prints, as JSON, what MLflow's own client reads of an experiment: python read_mlflow.py URL NAME ID"""
import json
import sys

from mlflow import MlflowClient

url, name, experiment = sys.argv[1:]
client = MlflowClient(url)
runs = client.search_runs(
    [client.get_experiment_by_name(name).experiment_id], f"tags.`maggy.experiment` = '{experiment}'", max_results=1000
)
parents = [run for run in runs if "maggy.trial" not in run.data.tags]
children = sorted((run for run in runs if "maggy.trial" in run.data.tags), key=lambda run: int(run.data.tags["maggy.trial"]))
print(json.dumps({
    "parents": [
        {
            "status": run.info.status,
            "best": run.data.tags.get("maggy.best"),
            "metrics": run.data.metrics,
            "files": [file.path for file in client.list_artifacts(run.info.run_id)],
        }
        for run in parents
    ],
    "nested": all(run.data.tags["mlflow.parentRunId"] == parents[0].info.run_id for run in children),
    "attempts": [
        {
            "trial": int(run.data.tags["maggy.trial"]),
            "attempt": int(run.data.tags["maggy.attempt"]),
            "status": run.info.status,
            "state": run.data.tags.get("maggy.state"),
            "params": run.data.params,
            "files": [(file.path, file.file_size) for file in client.list_artifacts(run.info.run_id)],
            "curve": [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, "value")],
        }
        for run in children
    ],
}))
