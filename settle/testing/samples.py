"""Samples: events that are tried while a machine is explored, and answers that its services may give."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from settle.core.codec import CodecError
from settle.core.definition import Definition
from settle.core.service import WAIT_FOR_CALLBACK, ServiceCall, ServiceError
from settle.core.spec import ANY_EVENT, InvokeSpec
from settle.runtime.check_events import ClientEvent, check_events_against
from settle.runtime.instance import ServiceOutcome
from settle.testing.errors import HIDDEN, NotStubbedError, TrialError
from settle.testing.stubs import as_data

__tracebackhide__ = HIDDEN

Example = Any
"""An event: its type, `(type, data)`, or a dict of what `Trial.send` is given. Type checkers find no better type for a
list of several kinds by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An event to try.

    Attributes:
        type: of the event.
        data: what it carries.
        principal: who sends it.
        claims: what the API's authorizer says about them.
    """

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    principal: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)


def read_samples(definition: Definition, examples: Sequence[Example] | None) -> tuple[Sample, ...]:
    """Return events to try: those that a test gives, or else each type that needs no data.

    Raises:
        TrialError: one of them is no example.
        SettleError: the machine knows no such event, or the data does not fit.
    """
    if examples is None:
        return tuple(Sample(type=name) for name in sorted(definition.event_types) if _needs_nothing(definition, name))
    samples = tuple(map(_read, examples))
    for sample in samples:
        check_events_against(definition, [ClientEvent(type=sample.type, data=sample.data)])
    return samples


def _read(example: Example) -> Sample:
    match example:
        case str():
            return Sample(type=example)
        case (str() as event_type, data):
            return Sample(type=event_type, data=_plain(data))
        case Mapping() if "type" in example and set(example) <= {"type", "data", "principal", "claims"}:
            return Sample(**{**example, "data": _plain(example.get("data"))})
        case _:
            raise TrialError(
                f"{example!r} is no example of an event; give its type, (type, data), or a dict with `type`, `data`,"
                " `principal` and `claims`"
            )


def _plain(data: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a model, or fields
    return data.model_dump(mode="json", by_alias=True) if isinstance(data, BaseModel) else dict(data or {})


def _needs_nothing(definition: Definition, event_type: str) -> bool:
    if ANY_EVENT in event_type:
        return False
    try:
        definition.events[event_type].load({})
    except KeyError:
        return True
    except CodecError:
        return False
    return True


class Choices:
    """The answers that each service may give.

    Args:
        definition: of the machine.
        services: by the name of a service, an invoke or a child's machine: a list of answers, or the only one. Each is
            JSON data, a `ServiceError`, or a function of the call.
    """

    def __init__(self, definition: Definition, services: Mapping[str, Any]) -> None:
        self._definition, self._services = definition, services

    def of(self, invoke: InvokeSpec) -> Sequence[Any]:
        """Return the answers that an invoke may get.

        Raises:
            NotStubbedError: the test names none.
        """
        for name in (invoke.id, invoke.src):
            if name in self._services:
                found = self._services[name]
                return found if isinstance(found, list) else [found]
        raise NotStubbedError(
            f"{self._definition.machine} begins {invoke.src!r} (invoke {invoke.id!r}), and nothing says what it may"
            f" answer; say it with services={{{invoke.src!r}: [{{...}}, ServiceError(...)]}}"
        )


def give(invoke: InvokeSpec, answer: Any, call: Callable[[], ServiceCall]) -> ServiceOutcome:  # noqa: ANN401 - see Choices
    """Return how a call ends that gets an answer.

    Raises:
        TrialError: it is an exception that the runtime would try again.
    """
    try:
        result = answer(call()) if callable(answer) and not isinstance(answer, type) else answer
    except ServiceError as error:
        result = error
    if result is WAIT_FOR_CALLBACK:
        raise TrialError(
            f"{invoke.src!r} may answer with data or a ServiceError; that a background service or a child ends later is"
            " tried anyway, so leave WAIT_FOR_CALLBACK out"
        )
    if isinstance(result, ServiceError):
        data = {"code": result.code, "message": result.message, "data": result.data}
        return ServiceOutcome(error=result.code, data=data)
    if isinstance(result, (Exception, type)):
        raise TrialError(f"{invoke.src!r} may answer with data or a ServiceError; {result!r} would be tried again")
    return ServiceOutcome(data=as_data(result))
