"""
A search whose trials are calls of a Python function: which support vector machine tells wines apart best?

    maggy server & maggy driver & maggy optimizer &
    python wine.py worker &        # as many as you like
    python wine.py                 # hands in the search, and says what came of it
"""

import sys

from maggy_actors import Worker, follow, optimization, submit

SPACE = {
    "kernel": {"type": "categorical", "choices": ["linear", "rbf"]},
    "C": {"type": "double", "low": 1e-2, "high": 1e3, "log": True},
    "gamma": {"type": "double", "low": 1e-4, "high": 1, "log": True, "when": {"parameter": "kernel", "in": ["rbf"]}},
}


def objective(hparams, reporter):
    from sklearn.datasets import load_wine
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    wines, cultivars = load_wine(return_X_y=True)
    scores = []
    for seed in range(3):
        folds = KFold(5, shuffle=True, random_state=seed)
        scores.append(cross_val_score(make_pipeline(StandardScaler(), SVC(**hparams)), wines, cultivars, cv=folds).mean())
        reporter.report({"accuracy": sum(scores) / len(scores)})
    return {"accuracy": sum(scores) / len(scores)}


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        Worker(objective, experiments=["wine"]).run(argv=sys.argv[2:])
    else:
        search = optimization(space=SPACE, trials=20, metric="accuracy", direction="maximize", optimizer="tpe", seed=1)
        result = follow(submit("wine", search))
        print(result["best"])
