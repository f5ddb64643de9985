"""
Seeded randomness: xoshiro128** 1.1 (Blackman and Vigna, 2018), its state hashed by MurmurHash3 from the parts of a seed. The same parts
give the same numbers as in maggy's TypeScript (src/random).
"""

from __future__ import annotations

import json
import math
from typing import Callable, Protocol, Union

_WORDS = 1 << 32
_MASK = _WORDS - 1
_SAFE = (1 << 53) - 1

SeedPart = Union[int, str]


class Random(Protocol):
    """Where randomness comes from, as an argument."""

    def uniform(self) -> float:
        """Uniform in [0, 1), 53 bits."""

    def normal(self) -> float:
        """Standard normal."""

    def integer(self, below: int) -> int:
        """A uniform whole number in [0, below)."""


def murmur32(data: bytes, seed: int) -> int:
    """MurmurHash3_x86_32, unsigned."""
    h = seed & _MASK
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        h ^= _scramble(int.from_bytes(data[at : at + 4], "little"))
        h = (_rotate(h, 13) * 5 + 0xE6546B64) & _MASK
    if len(data) > whole:
        h ^= _scramble(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & _MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & _MASK
    return h ^ (h >> 16)


def _rotate(x: int, by: int) -> int:
    return ((x << by) | (x >> (32 - by))) & _MASK


def _scramble(word: int) -> int:
    return (_rotate((word * 0xCC9E2D51) & _MASK, 15) * 0x1B873593) & _MASK


def _bytes_of(parts: tuple[SeedPart, ...]) -> bytes:
    return json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()


def derive_seed(*parts: SeedPart) -> int:
    """A whole number in [0, 2^32), the same for the same parts."""
    return murmur32(_bytes_of(parts), 0)


def create_random(*parts: SeedPart) -> Random:
    """Equal parts give equal numbers; (3) and ('3') differ."""
    data = _bytes_of(parts)
    return _Xoshiro([murmur32(data, seed) for seed in (1, 2, 3, 4)])


class _Xoshiro:
    def __init__(self, state: list[int]) -> None:
        self._state = state if any(state) else [1, 0, 0, 0]
        self._spare: float | None = None

    def _next(self) -> int:
        a, b, c, d = self._state
        word = (_rotate((b * 5) & _MASK, 7) * 9) & _MASK
        shifted = (b << 9) & _MASK
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= shifted
        self._state = [a, b, c, _rotate(d, 11)]
        return word

    def _high53(self) -> int:
        return (self._next() >> 5) * (1 << 26) + (self._next() >> 6)

    def uniform(self) -> float:
        return self._high53() / (1 << 53)

    def normal(self) -> float:
        if self._spare is not None:
            kept, self._spare = self._spare, None
            return kept
        while True:
            x = 2 * self._high53() / (1 << 53) - 1
            y = 2 * self._high53() / (1 << 53) - 1
            square = x * x + y * y
            if square >= 1 or square == 0:
                continue
            scale = math.sqrt(-2 * math.log(square) / square)
            self._spare = y * scale
            return x * scale

    def integer(self, below: int) -> int:
        if not 1 <= below <= _SAFE:
            raise ValueError(f"integer({below}): a whole number from 1")
        size, draw = (_WORDS, self._next) if below <= _WORDS else (1 << 53, self._high53)
        limit = size - size % below
        return _below(draw, limit) % below


def _below(draw: Callable[[], int], limit: int) -> int:
    while True:
        value = draw()
        if value < limit:
            return value
