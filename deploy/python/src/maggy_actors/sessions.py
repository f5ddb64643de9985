"""
The experiments that an optimizer or an ablator knows. A driver opens one, asks for suggestions, and tells what trials came to; it opens
the experiment again when this process has forgotten it, or is another one.
I1 A trial that is asked for again gets the suggestion that it got before.
I2 Questions about one experiment are answered one after the other, so each counts the one before it as pending.
I3 The user's function runs on a thread of its own, never on the event loop.
"""

from __future__ import annotations

import asyncio
import bisect
import functools
import inspect
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Mapping, Sequence, cast

from .errors import MaggyError
from .observation import Observation, observation_from, pending_observation
from .parameter import is_whole

_MOST_WAITING = 256
_MOST_SESSIONS = 1000


class History:
    """Trials by number, sorted; what was said last of a trial counts."""

    def __init__(self, told: Sequence[object] = ()) -> None:
        self._trials: dict[int, Observation] = {}
        self._order: list[int] = []
        for one in told:
            self.put(observation_from(one))

    def put(self, observation: Observation) -> None:
        if observation.trial not in self._trials:
            bisect.insort(self._order, observation.trial)
        self._trials[observation.trial] = observation

    def get(self, trial: int) -> Observation | None:
        return self._trials.get(trial)

    def __len__(self) -> int:
        return len(self._order)

    def all(self) -> list[Observation]:
        return [self._trials[trial] for trial in self._order]


Ask = Callable[[int, "list[Observation]"], Any]
"""A suggestion for a trial, given all that is known; 'wait' or 'exhausted'. It runs on a thread."""


class Session:
    """One experiment."""

    def __init__(self, history: History, ask: Ask, busy: Callable[[int], MaggyError]) -> None:
        self.history = history
        self._ask = ask
        self._busy = busy
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def suggest(self, pool: ThreadPoolExecutor, trial: int, count: int) -> tuple[list[Any], str | None]:
        """Suggestions for ``count`` trials from ``trial`` on; fewer, and why."""
        if self._waiting >= _MOST_WAITING:
            raise self._busy(self._waiting)
        self._waiting += 1
        try:
            async with self._turn:
                suggestions: list[Any] = []
                for number in range(trial, trial + count):
                    known = self.history.get(number)
                    if known is not None:
                        suggestions.append(known.suggestion())
                        continue
                    loop = asyncio.get_running_loop()
                    said = await loop.run_in_executor(pool, self._ask, number, self.history.all())
                    if isinstance(said, str):
                        return suggestions, said
                    # If a result came meanwhile, it stands.
                    if self.history.get(number) is None:
                        self.history.put(pending_observation(number, said))
                    suggestions.append(said)
                return suggestions, None
        finally:
            self._waiting -= 1

    def observe(self, observations: Sequence[object]) -> None:
        for one in [observation_from(told) for told in observations]:
            self.history.put(one)


class Sessions:
    """By experiment. The one that was not used for longest is forgotten when there are too many."""

    def __init__(self) -> None:
        self._known: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._known)

    def open(self, experiment: str, session: Session) -> None:
        self._known.pop(experiment, None)
        self._known[experiment] = session
        while len(self._known) > _MOST_SESSIONS:
            del self._known[next(iter(self._known))]

    def get(self, experiment: str) -> Session:
        session = self._known.pop(experiment, None)
        if session is None:
            raise MaggyError("EXPERIMENT_UNKNOWN", experiment=experiment)
        self._known[experiment] = session
        return session

    def close(self, experiment: str) -> None:
        self._known.pop(experiment, None)


class Later:
    """An argument that is made only for a function that asks for it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def call_by_name(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """Calls a user's function with those of the arguments that it asks for by name."""
    names = _names_of(function)
    wanted = given if names is None else [name for name in names if name in given]
    values = {name: given[name] for name in wanted}
    return function(**{name: value.make() if isinstance(value, Later) else value for name, value in values.items()})


@functools.lru_cache(maxsize=64)
def _names_of(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """The names of the arguments; None: any."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return tuple(one.name for one in parameters)


def require_arguments(function: Callable[..., Any], names: Sequence[str], option: str) -> None:
    """OPTION_INVALID at once for a function that asks for what nobody gives."""
    if not callable(function):
        raise MaggyError("OPTION_INVALID", option=option, reason="is not a function")
    for one in inspect.signature(function).parameters.values():
        needed = one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
        if one.kind is one.POSITIONAL_ONLY or (needed and one.name not in names):
            raise MaggyError("OPTION_INVALID", option=option, reason=f"asks for {one.name}; there are {', '.join(names)}")


def field_of(payload: Mapping[str, Any], name: str, kind: type | tuple[type, ...], subject: str) -> Any:
    """A field that must be there. MESSAGE_INVALID."""
    value = payload.get(name)
    if kind is int and is_whole(value):
        value = int(cast(float, value))  # beyond 32 bits, JavaScript's encoder writes whole numbers as floats
    wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
    if wrong:
        reason = "is missing" if name not in payload else "is of a wrong type"
        raise MaggyError("MESSAGE_INVALID", subject=subject, path=f"/{name}", reason=reason)
    return value


def asked_for(payload: Mapping[str, Any], subject: str) -> tuple[int, int]:
    """The first trial to suggest, and how many. MESSAGE_INVALID."""
    trial, count = field_of(payload, "trial", int, subject), field_of(payload, "count", int, subject)
    if not 0 <= trial < 1 << 53:
        raise MaggyError("MESSAGE_INVALID", subject=subject, path="/trial", reason="is not a number of a trial")
    if not 1 <= count <= 1024:
        raise MaggyError("MESSAGE_INVALID", subject=subject, path="/count", reason="is not within 1 and 1024")
    return trial, count
