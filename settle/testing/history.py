"""A history: what was done to an instance, what its services answered, and what was seen after each step, as JSON."""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from settle.core.codec import field_errors
from settle.core.delay import format_duration
from settle.core.effects import Effect, SetTimer
from settle.core.service import ServiceError
from settle.testing.errors import HIDDEN, TrialError
from settle.testing.stubs import Answered

__tracebackhide__ = HIDDEN

HISTORY_SCHEMA: Final = 1
"""Format of a stored history."""
Doing = Literal["start", "in_state", "send", "advance", "complete", "control", "edit"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RecordedAnswer(_Model):
    """How one call of a service ended.

    Attributes:
        name: of the service or of the child's machine.
        invoke: id of the invoke.
        answer: JSON data.
        error: code, message and data of a `ServiceError`.
        raised: any other exception, in a sentence.
        waits: whether the answer came later.
    """

    name: str
    invoke: str
    answer: JsonValue = None
    error: dict[str, JsonValue] | None = None
    raised: str = ""
    waits: bool = False


class HistoryStep(_Model):
    """One thing that was done, and what came of it.

    Attributes:
        do: which.
        other: the instance, `machine/instance`, that it was done to; empty for the one that the test is about.
        child: the invokes that lead to the child it was done to; none for the instance itself.
        given: its arguments.
        services: calls that it led to, in order.
        then: what was seen afterwards.
    """

    do: Doing
    other: str = ""
    child: tuple[str, ...] = ()
    given: dict[str, JsonValue]
    services: tuple[RecordedAnswer, ...] = ()
    then: dict[str, JsonValue]

    def __str__(self) -> str:
        what = {"send": "type", "advance": "duration", "complete": "invoke", "control": "action"}.get(self.do, "")
        rest = {name: value for name, value in self.given.items() if name != what and value not in (None, "", {}, [])}
        to = f" (child {'.'.join(self.child)})" if self.child else ""
        to = f" ({self.other}){to}" if self.other else to
        first = str(self.given[what]) if what else ""
        if self.do == "advance":
            first = format_duration(float(first))
        words = [self.do, first, json.dumps(rest) if rest else ""]
        return " ".join(word for word in words if word) + to


class History(_Model):
    """A recorded run.

    Attributes:
        schema_version: format of the stored history.
        machine: id of the machine.
        version: of the machine.
        now: when the run began, in seconds since the epoch.
        instance: id of the instance.
        strangers: whether machines that were not given existed.
        steps: in order.
    """

    schema_version: Literal[1] = HISTORY_SCHEMA
    machine: str
    version: int
    now: float
    instance: str
    strangers: bool = True
    steps: tuple[HistoryStep, ...] = Field(default=())

    def dump(self) -> str:
        """Return it as JSON text that people can read and compare."""
        data = {"schema_version": self.schema_version, **self.model_dump(mode="json", exclude_defaults=True)}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"

    def save(self, path: Path | str) -> None:
        """Write it to a file."""
        Path(path).write_text(self.dump(), encoding="utf-8")

    @classmethod
    def read(cls, source: "History | Path | str") -> Self:
        """Return a history from a file, or from its text.

        Raises:
            TrialError: it is none.
        """
        if isinstance(source, cls):
            return source
        text = source if isinstance(source, str) and source.lstrip().startswith("{") else Path(str(source)).read_text()
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            details = "; ".join(f"{field.path}: {field.message}" for field in field_errors(error)[:3])
            raise TrialError(f"this is no history: {details}") from error


def record_answer(answered: Answered) -> RecordedAnswer:
    """Return how a call ended, for a history."""
    error = answered.error
    told: dict[str, Any] = {"name": answered.name, "invoke": answered.call.invoke, "waits": answered.waits}
    if isinstance(error, ServiceError):
        told["error"] = {"code": error.code, "message": error.message, "data": error.data}
    elif error is not None:
        told["raised"] = f"{type(error).__name__}: {error}"
    else:
        told["answer"] = answered.answer
    return RecordedAnswer(**told)


def revive_error(data: Mapping[str, Any]) -> ServiceError:
    """Return the error of a service from what is known of it."""
    return ServiceError(code=data["code"], message=data["message"], data=dict(data["data"]))


def revive_failure(raised: str) -> Exception:
    """Return what a service raised that was to be tried again; of the same name, which is all that is known of it."""
    name, _, text = raised.partition(": ")
    failure: Exception = type(name, (Exception,), {})(text)
    return failure


def record_effect(effect: Effect, now: float) -> dict[str, Any]:
    """Return an effect as JSON data; times as seconds from now."""
    data: dict[str, Any] = {"effect": type(effect).__name__}
    for name in effect.__dataclass_fields__:
        value = getattr(effect, name)
        if name == "due" and isinstance(effect, SetTimer):
            data["in"] = round(value - now, 3)
        elif value != "":
            data[name] = value
    return data


def compare(
    was: Mapping[str, Any], now: Mapping[str, Any], place: str = "", ignoring: Collection[str] = ()
) -> Iterator[str]:
    """Yield, in words, where two descriptions differ; further in where both have fields.

    Args:
        was: one description.
        now: the other one.
        place: where they stand, with a dot at its end.
        ignoring: places that are not compared.
    """
    for name in dict.fromkeys([*was, *now]):
        where = f"{place}{name}"
        if where in ignoring:
            continue
        if name not in now:
            yield f"{where} was {was[name]!r} and is not there"
        elif name not in was:
            yield f"{where} was not there and is {now[name]!r}"
        elif isinstance(was[name], Mapping) and isinstance(now[name], Mapping):
            yield from compare(was[name], now[name], f"{where}.", ignoring)
        elif was[name] != now[name]:
            yield f"{where} was {was[name]!r} and is {now[name]!r}"
