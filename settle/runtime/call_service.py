"""Calling a service within its time."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel

from settle.core.codec import CodecError, PlainCodec
from settle.core.errors import text_of
from settle.core.service import WAIT_FOR_CALLBACK, ServiceCall, ServiceError
from settle.core.spec import InvokeSpec
from settle.runtime.errors import ServiceFailedError
from settle.runtime.instance import ServiceOutcome
from settle.runtime.log_keys import make_log_keys
from settle.runtime.tally import Tally

PENDING: Final = ServiceOutcome(data=WAIT_FOR_CALLBACK.value)
"""The outcome, told by identity, of a service whose result comes from outside."""

RESULT_INVALID: Final = "result_invalid"
"""Code of the error of a service whose answer cannot be taken."""

_logger = logging.getLogger("settle")
_plain = PlainCodec()


class _AbandonedError(Exception):
    """A call was not done in time. Not `TimeoutError`: a service may raise that itself, well in time."""


def call_service(invoke: InvokeSpec, call: ServiceCall, tally: Tally) -> ServiceOutcome:
    """Call a service once, count that, and return how it ended.

    A `ServiceError`, one of the invoke's `final_errors`, and an answer that is not JSON data are outcomes: calling
    again would not change them. So is `PENDING`, when a background service waits for a callback.

    Raises:
        ServiceFailedError: it raised anything else, or was not done in time. A call that is late is abandoned: its
            thread cannot be stopped, but nothing waits for it any more.
    """
    tally.services += 1
    try:
        outcome = _call(invoke, call, tally)
    except ServiceFailedError:
        tally.service_errors += 1
        raise
    tally.service_errors += bool(outcome.error)
    return outcome


def _call(invoke: InvokeSpec, call: ServiceCall, tally: Tally) -> ServiceOutcome:
    fn = invoke.fn
    if fn is None:
        message = f"there is no function for the service {invoke.src!r}; pass one to the machine"
        return ServiceOutcome.failed("no_service", message)
    try:
        answer = _within(invoke.timeout, lambda: fn(call))
    except ServiceError as error:
        return _error_outcome(error)
    except _AbandonedError as error:
        tally.services_abandoned += 1
        keys = make_log_keys(call.machine, call.instance, call.event.id)
        _logger.warning("service abandoned", extra={**keys, "service": invoke.src, "invoke": invoke.id})
        raise ServiceFailedError(f"service {invoke.src!r} took longer than {invoke.timeout} s") from error
    except invoke.final_errors as error:
        return _error_outcome(ServiceError(type(error).__name__, text_of(error)))
    except Exception as error:
        raise ServiceFailedError(f"service {invoke.src!r} raised {type(error).__name__}", text_of(error)) from error
    if answer is WAIT_FOR_CALLBACK:
        return PENDING if invoke.background else _misplaced(invoke)
    try:
        return ServiceOutcome(
            data=_plain.dump(answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer)
        )
    except CodecError as error:
        message = f"service {invoke.src!r} answered with what is not JSON data: {error}"
        return ServiceOutcome.failed(RESULT_INVALID, message)


def _misplaced(invoke: InvokeSpec) -> ServiceOutcome:
    message = f"service {invoke.src!r} waits for a callback, which needs `mode`: 'background' in its invoke"
    return ServiceOutcome.failed(RESULT_INVALID, message)


def _error_outcome(error: ServiceError) -> ServiceOutcome:
    """Return what can be stored and read again, whatever the service put into its error."""
    code = str(error.code) or "service_error"
    try:
        data = _plain.dump(error.data)
    except (CodecError, RecursionError):
        data = {"repr": repr(error.data)}
    return ServiceOutcome(error=code, data={"code": code, "message": str(error.message), "data": data})


def failure_outcome(error: ServiceFailedError) -> ServiceOutcome:
    """Return the outcome of a service whose attempts are used up."""
    return ServiceOutcome.failed(error.code, str(error))


def _within(seconds: float, function: Callable[[], Any]) -> Any:  # noqa: ANN401 - a service returns anything
    """Run a function in a thread of its own, so that a call that hangs can be left behind."""
    answers: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(function())
        except BaseException as error:  # noqa: BLE001 - carried over to the waiting thread, which raises it
            errors.append(error)

    thread = threading.Thread(target=run, name="service", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise _AbandonedError
    return answers[0]
