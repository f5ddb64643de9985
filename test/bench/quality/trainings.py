"""Makes the tables of real trainings that the referee looks values up in. Needs numpy and scikit-learn, whose data sets it uses.

usage: python trainings.py DIRECTORY [NAME ...]

One file for each table, NAME.table.gz: a line of JSON (name, space in maggy's form, axes, seeds, steps, scale: value = low + step * number), then
the low bytes and then the high bytes of 16-bit numbers by configuration (mixed radix, the last axis turns fastest), seed and step.
A step is an epoch, or a tree; the value is the error on data that was not trained on.
"""

import gzip
import itertools
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC


warnings.filterwarnings("ignore")


def log_levels(low, high, count):
    return [float(f"{v:.3g}") for v in np.geomspace(low, high, count)]


def discrete(values):
    return {"type": "discrete", "values": values}


def categorical(choices):
    return {"type": "categorical", "choices": choices}


def write(directory, name, axes, space, values):
    """values: [configuration, seed, step]"""
    finite = np.nan_to_num(values, nan=np.nanmax(values[np.isfinite(values)]), posinf=np.max(values[np.isfinite(values)]))
    low, high = float(finite.min()), float(finite.max())
    step = (high - low) / 65535
    numbers = np.round((finite - low) / step).astype(np.uint16).ravel()
    header = {"name": name, "space": space, "axes": axes, "seeds": values.shape[1], "steps": values.shape[2], "low": low, "step": step}
    body = json.dumps(header).encode() + b"\n" + (numbers & 255).astype(np.uint8).tobytes() + (numbers >> 8).astype(np.uint8).tobytes()
    path = Path(directory) / f"{name}.table.gz"
    path.write_bytes(gzip.compress(body, 9, mtime=0))
    print(name, values.shape, path.stat().st_size, "bytes", "best mean", values[:, :, -1].mean(1).min())


def points(axes):
    return [dict(zip(axes, each)) for each in itertools.product(*axes.values())]


def perceptron(directory):
    """A network of one hidden layer on digits; nets that differ in rate, momentum and decay only are trained side by side."""
    x, y = load_digits(return_X_y=True)
    x = x / 16
    rates, momenta, decays = log_levels(0.003, 3, 8), [0.0, 0.8, 0.95], [0.0, 1e-4, 3e-3]
    axes = {
        "batch": [20, 40, 80],
        "units": [4, 8, 16, 32],
        "activation": ["relu", "tanh", "sigmoid"],
        "rate": rates,
        "momentum": momenta,
        "decay": decays,
    }
    space = {k: categorical(v) if k == "activation" else discrete(v) for k, v in axes.items()}
    beside = list(itertools.product(rates, momenta, decays))
    rate, momentum, decay = (np.array(v)[:, None, None] for v in zip(*beside))
    n, epochs, seeds = len(beside), 9, 3
    rows = []
    for batch, units, activation in itertools.product(axes["batch"], axes["units"], axes["activation"]):
        curves = np.empty((n, seeds, epochs))
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(x))
            train, test = order[:400], order[400:800]
            hot = np.eye(10)[y]
            w1 = np.repeat(rng.normal(0, 1 / 8, (1, 64, units)), n, 0)
            w2 = np.repeat(rng.normal(0, 1 / np.sqrt(units), (1, units, 10)), n, 0)
            b1, b2 = np.zeros((n, 1, units)), np.zeros((n, 1, 10))
            weights = [w1, b1, w2, b2]
            speeds = [np.zeros_like(w) for w in weights]

            def hidden(a):
                if activation == "relu":
                    return np.maximum(a, 0), (a > 0).astype(float)
                if activation == "tanh":
                    t = np.tanh(a)
                    return t, 1 - t * t
                s = 1 / (1 + np.exp(-np.clip(a, -50, 50)))
                return s, s * (1 - s)

            for epoch in range(epochs):
                order = rng.permutation(train)
                for at in range(0, len(order) - batch + 1, batch):
                    part = order[at : at + batch]
                    h, slope = hidden(x[part] @ weights[0] + weights[1])
                    logits = h @ weights[2] + weights[3]
                    e = np.exp(logits - logits.max(-1, keepdims=True))
                    g = (e / e.sum(-1, keepdims=True) - hot[part]) / batch
                    back = (g @ weights[2].transpose(0, 2, 1)) * slope
                    grads = [x[part].T @ back, back.sum(1, keepdims=True), h.transpose(0, 2, 1) @ g, g.sum(1, keepdims=True)]
                    for w, v, d in zip(weights, speeds, grads):
                        v *= momentum
                        v -= rate * (np.nan_to_num(d, posinf=0, neginf=0) + decay * w)
                        w += v
                        np.clip(w, -1e4, 1e4, out=w)
                h, _ = hidden(x[test] @ weights[0] + weights[1])
                logits = h @ weights[2] + weights[3]
                p = logits - logits.max(-1, keepdims=True)
                p -= np.log(np.exp(p).sum(-1, keepdims=True))
                wrong = (logits.argmax(-1) != y[test]).mean(-1)
                # Cross-entropy tells configurations apart that err equally often; bounded, for some diverge.
                curves[:, seed, epoch] = wrong + 0.02 * np.minimum(5, -p[:, np.arange(len(test)), y[test]].mean(-1))
        rows.append(curves)
        print("perceptron", batch, units, activation, flush=True)
    write(directory, "perceptron", axes, space, np.concatenate(rows))


def machine(directory):
    """A support vector machine on wine."""
    x, y = load_wine(return_X_y=True)
    axes = {
        "c": log_levels(0.01, 1000, 8),
        "gamma": log_levels(1e-4, 10, 8),
        "kernel": ["linear", "rbf", "poly", "sigmoid"],
        "scale": ["none", "standard", "range"],
        "degree": [2, 3, 4],
        "offset": [0.0, 0.5, 2.0],
    }
    space = {k: categorical(v) if isinstance(v[0], str) else discrete(v) for k, v in axes.items()}
    seeds, known = 3, {}

    def error(p, seed):
        kernel = p["kernel"]
        key = (seed, p["c"], kernel, p["scale"], kernel == "linear" or p["gamma"], kernel != "poly" or p["degree"], kernel in ("linear", "rbf") or p["offset"])
        if key not in known:
            a, b, ya, yb = train_test_split(x, y, test_size=0.5, random_state=seed, stratify=y)
            if p["scale"] != "none":
                scaler = (StandardScaler() if p["scale"] == "standard" else MinMaxScaler()).fit(a)
                a, b = scaler.transform(a), scaler.transform(b)
            model = SVC(C=p["c"], gamma=p["gamma"], kernel=kernel, degree=p["degree"], coef0=p["offset"], max_iter=3000)
            known[key] = 1 - model.fit(a, ya).score(b, yb)
        return known[key]

    values = np.array([[[error(p, seed)] for seed in range(seeds)] for p in points(axes)])
    write(directory, "machine", axes, space, values)


def boosting(directory):
    """Gradient boosting on diabetes; a step is a tree."""
    x, y = load_diabetes(return_X_y=True)
    axes = {
        "rate": log_levels(0.02, 1, 8),
        "depth": [1, 2, 3, 5],
        "sample": [0.3, 0.6, 1.0],
        "features": [0.2, 0.5, 1.0],
        "leaf": [1, 6, 30],
    }
    space = {k: discrete(v) for k, v in axes.items()}
    seeds, trees = 3, 20
    splits = [train_test_split(x, y, test_size=0.5, random_state=seed) for seed in range(seeds)]

    def curve(p, seed):
        a, b, ya, yb = splits[seed]
        model = GradientBoostingRegressor(
            learning_rate=p["rate"], max_depth=p["depth"], subsample=p["sample"], max_features=p["features"],
            min_samples_leaf=p["leaf"], n_estimators=trees, random_state=seed,
        ).fit(a, ya)
        return [float(np.sqrt(np.mean((guess - yb) ** 2))) for guess in model.staged_predict(b)]

    values = np.array([[curve(p, seed) for seed in range(seeds)] for p in points(axes)])
    write(directory, "boosting", axes, space, values)


def forest(directory):
    """A random forest on breast cancer."""
    x, y = load_breast_cancer(return_X_y=True)
    axes = {
        "criterion": ["gini", "entropy"],
        "depth": [1, 2, 3, 5, 16],
        "features": [0.05, 0.1, 0.25, 0.5, 1.0],
        "leaf": [1, 3, 8, 20],
        "bootstrap": [True, False],
        "weight": ["none", "balanced"],
    }
    space = {k: categorical(v) if isinstance(v[0], (str, bool)) else discrete(v) for k, v in axes.items()}
    seeds = 3
    splits = [train_test_split(x, y, test_size=0.5, random_state=seed, stratify=y) for seed in range(seeds)]

    def error(p, seed):
        a, b, ya, yb = splits[seed]
        model = RandomForestClassifier(
            n_estimators=8, criterion=p["criterion"], max_depth=p["depth"], max_features=p["features"], min_samples_leaf=p["leaf"],
            bootstrap=p["bootstrap"], class_weight=None if p["weight"] == "none" else p["weight"], random_state=seed,
        ).fit(a, ya)
        guess = np.clip(model.predict_proba(b)[np.arange(len(yb)), yb], 1e-3, 1)
        return float(-np.log(guess).mean())

    values = np.array([[[error(p, seed)] for seed in range(seeds)] for p in points(axes)])
    write(directory, "forest", axes, space, values)


if __name__ == "__main__":
    tables = {"perceptron": perceptron, "machine": machine, "boosting": boosting, "forest": forest}
    directory, *names = sys.argv[1:]
    for name in names or tables:
        tables[name](directory)
