"""Says of each manifest on standard input (a JSON list) what Kubernetes, KEDA and Prometheus's operator would not take."""

import importlib
import json
import sys

import kubernetes_validate

# Loaded only where there is one of these: they are large.
of_others = {"ScaledObject": "cloudcoil.models.keda.v1alpha1", "ServiceMonitor": "cloudcoil.models.prometheus_operator.v1"}


def unknown(given, taken, path=""):
    """What a model has silently dropped."""
    if isinstance(given, dict) and isinstance(taken, dict):
        for key, value in given.items():
            if key not in taken:
                yield f"{path}.{key} is unknown"
            else:
                yield from unknown(value, taken[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(taken, list):
        for index, value in enumerate(given):
            yield from unknown(value, taken[index], f"{path}[{index}]")


def faults(manifest, version):
    kind = manifest["kind"]
    try:
        if kind not in of_others:
            kubernetes_validate.validate(manifest, version, strict=True)
        else:
            model = getattr(importlib.import_module(of_others[kind]), kind)
            taken = model.model_validate(manifest).model_dump(mode="json", by_alias=True, exclude_none=True)
            yield from unknown(manifest, taken)
    except Exception as error:  # Each library has its own.
        yield str(error)


def name(manifest):
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


version = sys.argv[1]
print(json.dumps([[name(manifest), list(faults(manifest, version))] for manifest in json.load(sys.stdin)]))
