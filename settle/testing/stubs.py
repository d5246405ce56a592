"""Stubs: what services and children answer in a test, and a record of how they were called.

A stub answers as a careful service does: under a key that it has answered before it says the same again. So a sequence
of answers goes on with the next call, and not with a repetition; and a call that raised is answered anew.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import BaseModel

from settle.authoring.findings import did_you_mean
from settle.core.codec import CodecError, PlainCodec
from settle.core.definition import Definition
from settle.core.errors import EventInvalidError
from settle.core.event import DONE_INVOKE
from settle.core.event_data import load_data
from settle.core.service import WAIT_FOR_CALLBACK, ServiceCall, ServiceError
from settle.core.spec import InvokeSpec
from settle.runtime.call_service import RESULT_INVALID
from settle.testing.deaths import Plan
from settle.testing.errors import HIDDEN, AbortedError, NotStubbedError, TrialError

__tracebackhide__ = HIDDEN

UNSAID: Final = object()
"""In place of an answer that was not given."""
Answer = Any
"""JSON data or a model to return, an exception to raise, or a function of the call that does either."""

_plain: Final = PlainCodec()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One call of a service, or the beginning of a child, and how it ended.

    Attributes:
        name: of the service or of the child's machine.
        call: what it was given.
        answer: JSON data; None when it raised.
        error: what it raised; None when it did not.
        waits: whether the answer is to come later.
        misfit: why the answer does not fit the model of its event; empty when it does.
    """

    name: str
    call: ServiceCall
    answer: Any = None
    error: Exception | None = None
    waits: bool = False
    misfit: str = ""


class Stub:
    """Answers the calls of one service.

    Args:
        name: of the service or invoke, for messages.
        answers: one after the other.
        forever: whether the last one is given to all further calls.

    Raises:
        TrialError: one of the answers cannot be given.
    """

    def __init__(self, name: str, answers: Iterable[Answer], *, forever: bool) -> None:
        answers = list(answers)
        for answer in answers:
            check_answer(name, answer)
        self._name, self._answers, self._forever = name, answers, forever
        self._given: dict[str, Answer] = {}
        self._next = 0

    def __call__(self, call: ServiceCall) -> Any:  # noqa: ANN401 - a service returns anything
        """Answer as a service would."""
        answer = self._given[call.key] if call.key in self._given else self._take()
        try:
            result = _give(answer, call)
        except ServiceError:
            self._given[call.key] = answer
            raise
        self._given[call.key] = answer
        return result

    def _take(self) -> Answer:
        if self._next >= len(self._answers):
            raise NotStubbedError(
                f"{self._name!r} is called once more than it was given answers ({len(self._answers)}); add one"
            )
        answer = self._answers[self._next]
        if not (self._forever and self._next == len(self._answers) - 1):
            self._next += 1
        return answer


@dataclass(slots=True)
class Stubs:
    """The stubs of a trial.

    Attributes:
        real: whether services without a stub are called for real.
        plan: that calls of services are told to.
        other: answers for a service of which nothing is said; None when nothing does.
        answered: every call, in order.
    """

    real: bool
    plan: Plan
    other: Callable[[InvokeSpec, ServiceCall], Any] | None = None
    answered: list[Answered] = field(default_factory=list)
    _by_name: dict[str, Callable[[ServiceCall], Any]] = field(default_factory=dict)

    def set(self, name: str, stub: Callable[[ServiceCall], Any]) -> None:
        """Have a service, an invoke or a machine answered by a stub."""
        self._by_name[name] = stub

    def bind(self, definition: Definition) -> Mapping[str, InvokeSpec]:
        """Return the invokes of a definition, each with its stub in place of its function."""
        return {name: self._bound(definition, invoke) for name, invoke in definition.invokes.items()}

    def _bound(self, definition: Definition, invoke: InvokeSpec) -> InvokeSpec:
        if invoke.machine:
            return invoke
        return replace(invoke, fn=lambda call: self.answer(definition, invoke, call))

    def answer(self, definition: Definition, invoke: InvokeSpec, call: ServiceCall) -> Any:  # noqa: ANN401 - see Stub
        """Answer a call, and take note of it.

        Raises:
            AbortedError: the test has made a mistake, or its own assertion failed.
        """
        stub = self._by_name.get(invoke.id) or self._by_name.get(invoke.src)
        other = self.other
        if stub is None and other is not None:
            stub = lambda call: other(invoke, call)  # noqa: E731 - a stub like the others
        stubbed = stub is not None
        stub = stub or (invoke.fn if self.real else None)
        if stub is None:
            raise AbortedError(NotStubbedError(_how_to_stub(definition, invoke)))
        try:
            answer = self.plan.call(f"service {invoke.src}", lambda: stub(call))
        except AssertionError as error:
            if stubbed:
                raise AbortedError(error) from error
            self.answered.append(Answered(name=invoke.src, call=call, error=error))
            raise
        except Exception as error:
            final = ServiceError(type(error).__name__, str(error)) if isinstance(error, invoke.final_errors) else error
            self.answered.append(Answered(name=invoke.src, call=call, error=final))
            raise
        waits = answer is WAIT_FOR_CALLBACK
        try:
            told = Answered(name=invoke.src, call=call, answer=None if waits else as_data(answer), waits=waits)
        except CodecError as error:
            message = f"service {invoke.src!r} answered with what is not JSON data: {error}"
            if stubbed:
                raise AbortedError(TrialError(f"the stub of {message}")) from error
            told = Answered(name=invoke.src, call=call, error=ServiceError(RESULT_INVALID, message))
        self.answered.append(told if waits else replace(told, misfit=_find_misfit(definition, invoke, told)))
        return answer


def _find_misfit(definition: Definition, invoke: InvokeSpec, told: Answered) -> str:
    """Return why an answer does not fit the model of its event, which then blocks the instance."""
    if told.error is not None:
        return ""
    event_type = f"{DONE_INVOKE}{invoke.id}"
    try:
        load_data(definition, event_type, {} if told.answer is None else told.answer)
    except EventInvalidError as error:
        fields = "; ".join(f"{field.path}: {field.message}" for field in error.fields)
        return f"{told.name!r} answered {told.answer!r}, which the model of {event_type!r} does not take: {fields}"
    return ""


def _give(answer: Answer, call: ServiceCall) -> Any:  # noqa: ANN401 - a service returns anything
    """Return or raise an answer, asking it if it is a function."""
    if _is_error(answer):
        raise answer
    return answer(call) if callable(answer) else answer


def _is_error(answer: Answer) -> bool:
    return isinstance(answer, Exception) or (isinstance(answer, type) and issubclass(answer, Exception))


def check_answer(name: str, answer: Answer) -> None:
    """Check that an answer can be given when the service is called.

    Raises:
        TrialError: it is a function that takes no call, or a kind of exception that nobody can raise as it is.
    """
    if isinstance(answer, BaseException) or not callable(answer):
        return
    is_error = isinstance(answer, type) and issubclass(answer, BaseException)
    try:
        inspect.signature(answer).bind(*([] if is_error else [None]))
    except ValueError:
        return  # written in C, without a signature
    except TypeError as error:
        mend = f"give an error itself: {answer.__name__}(...)" if is_error else "a stub is called with the ServiceCall"
        raise TrialError(f"the stub of {name!r} cannot be {_words(answer)}: {error}; {mend}") from None


def _words(answer: Any) -> str:  # noqa: ANN401 - a function or a class
    return f"{getattr(answer, '__qualname__', repr(answer))}{inspect.signature(answer)}"


def make_stub(
    name: str,
    function: Callable[[ServiceCall], Any] | None,
    *,
    returns: Answer = UNSAID,
    raises: Exception | type[Exception] | None = None,
    answers: Sequence[Answer] | None = None,
) -> Callable[[ServiceCall], Any]:
    """Return a stub from exactly one way of saying what it answers.

    Raises:
        TrialError: none was said, or several, or what was said cannot be.
    """
    said = (function is not None, returns is not UNSAID, raises is not None, answers is not None)
    if sum(said) != 1:
        raise TrialError(f"say one thing about {name!r}: a function, `returns=`, `raises=` or `answers=[...]`")
    if raises is not None and not _is_error(raises):
        raise TrialError(f"{name!r} can only raise an exception, not {raises!r}; for good: raises=ServiceError(...)")
    if answers is not None and not (isinstance(answers, (list, tuple)) and answers):
        raise TrialError(f"the answers of {name!r} are a list, one after the other, and not {answers!r}")
    if answers is not None:
        return Stub(name, answers, forever=False)
    return Stub(name, [function if function is not None else raises if raises is not None else returns], forever=True)


def check_name(name: str, definitions: Iterable[Definition]) -> None:
    """Check that some machine begins a service or a child of that name.

    Raises:
        TrialError: none does.
    """
    known = dict.fromkeys(_names(definitions))
    if name not in known:
        hint = did_you_mean(name, known) or f"; there is {', '.join(known) or 'none'}"
        raise TrialError(f"there is no service {name!r}{hint}")


def _names(definitions: Iterable[Definition]) -> Iterator[str]:
    for definition in definitions:
        for invoke in definition.invokes.values():
            yield invoke.src
            yield invoke.id


def _how_to_stub(definition: Definition, invoke: InvokeSpec) -> str:
    begins = f"{definition.machine} begins the {'machine' if invoke.machine else 'service'} {invoke.src!r}"
    given = f"or give it along, given({definition.machine}, {invoke.src})" if invoke.machine else ""
    given = given or "or call the real ones with given(..., real_services=True)"
    return (
        f"{begins} (invoke {invoke.id!r}), and the test does not say what it answers;"
        f" say it with .stub({invoke.src!r}, returns={{...}}), {given}"
    )


def as_data(answer: Any) -> Any:  # noqa: ANN401 - whatever a service returned
    """Return an answer as JSON data. Raises `CodecError` when it is none."""
    return _plain.dump(answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer)
