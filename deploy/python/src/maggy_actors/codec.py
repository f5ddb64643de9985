"""One msgpack map for each message. What comes from numpy, or is a tuple, is made plain before it leaves."""

from __future__ import annotations

import json
import math
from typing import Any, Mapping

import msgpack

from .errors import MaggyError

_LARGEST = (1 << 63) - 1


def encode(value: object) -> bytes:
    packed: bytes = msgpack.packb(plain(value), use_bin_type=True)
    return packed


def decode(data: bytes, subject: str = "") -> Any:
    """MESSAGE_MALFORMED for what is no msgpack."""
    try:
        return msgpack.unpackb(data, raw=False, strict_map_key=False)
    except Exception as error:  # msgpack raises of all kinds
        raise MaggyError("MESSAGE_MALFORMED", subject=subject, reason=str(error) or type(error).__name__) from error


def decode_map(data: bytes, subject: str = "") -> dict[str, Any]:
    value = decode(data, subject)
    if not isinstance(value, dict):
        raise MaggyError("MESSAGE_INVALID", subject=subject, path="/", reason="is not a map")
    return value


def plain(value: object) -> Any:
    """Maps, lists, strings, numbers, booleans, None, bytes: nothing else can travel."""
    if value is None or isinstance(value, (bool, str, bytes)):
        return value
    if isinstance(value, int):
        return value if -_LARGEST <= value <= _LARGEST else float(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    item = getattr(value, "item", None)  # a scalar of numpy, or a tensor with one element
    if callable(item):
        return plain(item())
    raise MaggyError("MESSAGE_INVALID", subject="", path="/", reason=f"is a {type(value).__name__}, not a plain value")


def metrics_of(values: Mapping[str, Any]) -> dict[str, float | None]:
    """Numbers by name as they travel: one that is not finite is null."""
    return {str(name): _metric(str(name), plain(value)) for name, value in values.items()}


def _metric(name: str, value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise MaggyError("REPORT_INVALID", reported=f"{name}: {json.dumps(value, default=repr)[:200]}")
    return value if math.isfinite(value) else None
