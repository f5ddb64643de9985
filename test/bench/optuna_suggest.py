"""What a suggestion takes in Optuna itself: as in suggest.ts, without a bus. Prints the median in milliseconds."""

import json
import math
import statistics
import sys
import time
import warnings

from maggy_actors import Observation, Space, create_random
from maggy_actors.optuna import default_name, optimizer_of, sampler_class

import optuna

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.WARNING)
given = json.loads(sys.argv[1])
space = Space(given["space"])
optimizer = optimizer_of(default_name(given["sampler"]), sampler_class(given["sampler"]))
assert optimizer.open is not None
state = optimizer.open(space=space, objectives=given["objectives"], options={}, seed=1, history=[])
history: list[Observation] = []
times: list[float] = []
for trial in range(given["trials"]):
    before = time.perf_counter()
    hparams = optimizer.suggest(state, space, history, [], trial, create_random(1, "suggest", trial))
    if trial >= given["warmUp"]:
        times.append((time.perf_counter() - before) * 1000)
    assert isinstance(hparams, dict)
    loss = (math.log10(hparams["rate"]) + 3) ** 2 + (hparams["width"] / 512 - 0.5) ** 2
    history.append(Observation(trial, "done", {"loss": loss}, None, hparams))
print(statistics.median(times))
