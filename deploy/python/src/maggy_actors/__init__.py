"""
Optimizers, pruners, ablators, workers and clients of maggy, in Python. What they say on the bus is in maggy's protocol/README.md, and in
the folder ``protocol`` of this package.
"""

from .ablator import serve_ablator, start_ablator
from .bus import Bus, connect
from .client import Client, follow, optimization, submit
from .errors import MaggyError, RemoteError, Unfit
from .observation import Observation, best_of, loss_of
from .optimizer import Optimizer, serve_optimizer, start_optimizer
from .pruner import JudgedTrial, Point, serve_pruner, start_pruner
from .randomness import Random, create_random, derive_seed
from .runner import EarlyStop, Reporter
from .space import Space
from .worker import Worker

__all__ = [
    "Bus",
    "Client",
    "EarlyStop",
    "JudgedTrial",
    "MaggyError",
    "Observation",
    "Optimizer",
    "Point",
    "Random",
    "RemoteError",
    "Reporter",
    "Space",
    "Unfit",
    "Worker",
    "best_of",
    "connect",
    "create_random",
    "derive_seed",
    "follow",
    "loss_of",
    "optimization",
    "serve_ablator",
    "serve_optimizer",
    "serve_pruner",
    "start_ablator",
    "start_optimizer",
    "start_pruner",
    "submit",
]
