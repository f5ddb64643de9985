"""Errors with codes. Between processes only codes are compared, never texts."""

from __future__ import annotations

import re
import traceback
from typing import Any, Mapping

from .error_table import TABLE


class MaggyError(Exception):
    """``code`` names the error (protocol/README.md, Errors), the text says where it happened, ``remedy`` what to do."""

    def __init__(
        self,
        code: str,
        /,
        *,
        message: str | None = None,
        remedy: str | None = None,
        retryable: bool | None = None,
        **details: str | float,
    ) -> None:
        template, may_retry, advice = TABLE.get(code, ("{reason}", False, ""))
        self.code = code
        self.message = fill(template, details) if message is None else message
        self.remedy = fill(advice, details) if remedy is None else remedy
        self.retryable = may_retry if retryable is None else retryable
        self.details = details
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def problem(self) -> dict[str, Any]:
        """As it travels."""
        return {"code": self.code, "message": self.message, "remedy": self.remedy, "retryable": self.retryable}


class RemoteError(MaggyError):
    """An error that another process answered with."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(
            str(problem.get("code", "INTERNAL")),
            message=str(problem.get("message", "")),
            remedy=str(problem.get("remedy", "")),
            retryable=bool(problem.get("retryable", False)),
        )


class Unfit(Exception):
    """Raised by the function of an optimizer or an ablator that cannot take an experiment: its space, or its options."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path = path
        self.reason = reason


def fill(template: str, details: Mapping[str, object]) -> str:
    return re.sub(r"\{([a-zA-Z0-9]+)\}", lambda match: str(details.get(match[1], match[0])), template)


def describe(error: BaseException) -> str:
    """One line for any exception."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def to_problem(error: BaseException) -> dict[str, Any]:
    """Any exception as an error that can travel; one that is not from the table becomes INTERNAL."""
    known = error if isinstance(error, MaggyError) else MaggyError("INTERNAL", reason=describe(error))
    return known.problem()


def stack_of(error: BaseException) -> str:
    """The traceback, cut to what a message takes."""
    return "".join(traceback.format_exception(error))[-8192:]
