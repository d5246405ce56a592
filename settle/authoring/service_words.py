"""The words of an invoke that say how its service is run: where, for how long, and what becomes of a failure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from settle.authoring.lists import listed
from settle.core.delay import parse_duration
from settle.core.spec import (
    BACKGROUND_TIMEOUT_SECONDS,
    BACKOFF_SECONDS,
    INLINE_TIMEOUT_SECONDS,
    MAX_BACKOFF_SECONDS,
    SERVICE_ATTEMPTS,
    Delivery,
    InvokeMode,
)

Complain = Callable[[str], None]
"""Takes the message of a finding."""
Choice = TypeVar("Choice", InvokeMode, Delivery)

_DURATIONS: Final = ("timeout", "backoff", "max_backoff", "deadline")
_OF_THE_BACKGROUND: Final = ("backoff", "max_backoff", "delivery", "deadline")
_OF_SERVICES: Final = ("mode", "final_errors", *_OF_THE_BACKGROUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """How a front end writes these words.

    Attributes:
        renamed: its word for a field of an `InvokeSpec`, where that is another one.
        duration: what a duration looks like.
        takes_numbers: whether a number is a duration, in seconds.
        show: a value as it stands in a sentence.
        mend: the end of a sentence about a value.
    """

    renamed: Mapping[str, str]
    duration: str
    takes_numbers: bool
    show: Callable[[object], str]
    mend: str

    def word(self, field: str) -> str:
        """Return the word for a field, as code."""
        return f"`{self.renamed.get(field, field)}`"


PYTHON: Final = Notation(
    renamed={},
    duration="a number of seconds above 0, or text like '500ms' or '2s'",
    takes_numbers=True,
    show=repr,
    mend="",
)


def read_service_words(
    words: Mapping[str, object],
    complain: Complain,
    *,
    machine: bool = False,
    default: InvokeMode = InvokeMode.INLINE,
    notation: Notation = PYTHON,
) -> dict[str, Any]:
    """Return the fields of an `InvokeSpec` that say how it is run; what cannot be read is left at its default.

    Args:
        words: of the invoke.
        complain: takes what is wrong with them.
        machine: whether it begins a child, which is no service.
        default: where a service without a `mode` runs.
        notation: how they are written.
    """
    reader = _Reader(words, complain, notation)
    if machine:
        reader.refuse(_OF_SERVICES, "a service", "and this invokes a machine; drop that")
        return reader.read_limits(INLINE_TIMEOUT_SECONDS)
    mode = reader.choose(InvokeMode, "mode", default)
    errors = {"mode": mode, "final_errors": reader.read_errors()}
    if mode is InvokeMode.INLINE:
        mend = f"and this is none; add {notation.word('mode')}: 'background', or drop that"
        reader.refuse(_OF_THE_BACKGROUND, "a service in the background", mend)
        return errors | reader.read_limits(INLINE_TIMEOUT_SECONDS)
    return errors | reader.read_limits(BACKGROUND_TIMEOUT_SECONDS) | reader.read_background()


class _Reader:
    def __init__(self, words: Mapping[str, object], complain: Complain, notation: Notation) -> None:
        self._given = {
            field: words[notation.renamed.get(field, field)]
            for field in ("timeout", "attempts", *_OF_SERVICES)
            if notation.renamed.get(field, field) in words
        }
        self._complain, self._notation = complain, notation

    def refuse(self, fields: tuple[str, ...], owner: str, mend: str) -> None:
        given = [self._notation.word(field) for field in fields if field in self._given]
        if given:
            self._complain(f"only {owner} has {' and '.join(given)}, {mend}")

    def choose(self, choices: type[Choice], field: str, default: Choice) -> Choice:
        written: Any = self._given.get(field, default)
        try:
            return choices(written)
        except ValueError:
            self._reject(field, " or ".join(repr(choice.value) for choice in choices))
            return default

    def read_limits(self, timeout: float) -> dict[str, Any]:
        return {"timeout": timeout, "attempts": self._read_attempts()} | self._read_durations("timeout")

    def read_errors(self) -> tuple[type[Exception], ...]:
        errors = [
            error
            for error in listed(self._given.get("final_errors"))
            if isinstance(error, type) and issubclass(error, Exception)
        ]
        if len(errors) < len(listed(self._given.get("final_errors"))):
            self._reject("final_errors", "a list of exception classes")
        return tuple(errors)

    def read_background(self) -> dict[str, Any]:
        found: dict[str, Any] = self._read_durations("backoff", "max_backoff", "deadline")
        # Whoever asks for longer pauses need not say twice how long they are.
        found.setdefault("max_backoff", max(found.get("backoff", BACKOFF_SECONDS), MAX_BACKOFF_SECONDS))
        found.setdefault("backoff", min(found["max_backoff"], BACKOFF_SECONDS))
        found["delivery"] = self.choose(Delivery, "delivery", Delivery.AT_LEAST_ONCE)
        if found["delivery"] is Delivery.AT_MOST_ONCE:
            found["attempts"] = 1
            if self._given.get("attempts", 1) != 1:
                attempts, delivery = self._notation.word("attempts"), self._notation.word("delivery")
                self._complain(f"it has {attempts}, and {delivery} 'at_most_once' leaves it one; drop one of the two")
        return found

    def _read_attempts(self) -> int:
        written = self._given.get("attempts", SERVICE_ATTEMPTS)
        if isinstance(written, int) and not isinstance(written, bool) and written > 0:
            return written
        self._reject("attempts", "a whole number from 1 on")
        return SERVICE_ATTEMPTS

    def _read_durations(self, *fields: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for field in fields:
            if field not in self._given:
                continue
            seconds = self._read_seconds(self._given[field])
            if seconds:
                found[field] = seconds
            else:
                self._reject(field, self._notation.duration)
        return found

    def _read_seconds(self, written: object) -> float:
        """Return a duration in seconds; zero when it is none."""
        try:
            return parse_duration(written) if self._notation.takes_numbers or isinstance(written, str) else 0.0
        except ValueError:
            return 0.0

    def _reject(self, field: str, wanted: str) -> None:
        shown = self._notation.show(self._given[field])
        self._complain(f"{self._notation.word(field)} is {wanted}, not {shown}{self._notation.mend}")
