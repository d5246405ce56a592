"""Errors as RFC 9457 problems: the one place that says which error gets which status."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final

from settle.core.codec import BROKEN_MODEL, MAX_COMPLAINTS, left_out
from settle.core.errors import (
    Disposition,
    EventInvalidError,
    FieldError,
    InputInvalidError,
    SettleError,
    UnknownVersionError,
)
from settle.core.short_text import shorten
from settle.runtime import errors

CONTENT_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 1
"""What callers are told to wait when the world is at fault; they should back off from there."""

STATUS: Final[Mapping[type[SettleError], HTTPStatus]] = {
    errors.NameInvalidError: HTTPStatus.BAD_REQUEST,
    errors.EnvelopeInvalidError: HTTPStatus.BAD_REQUEST,
    errors.CursorInvalidError: HTTPStatus.BAD_REQUEST,
    errors.DeniedError: HTTPStatus.FORBIDDEN,
    errors.UnknownMachineError: HTTPStatus.NOT_FOUND,
    errors.UnknownInstanceError: HTTPStatus.NOT_FOUND,
    errors.UnknownReceiptError: HTTPStatus.NOT_FOUND,
    errors.KeyReusedError: HTTPStatus.CONFLICT,
    errors.InstanceExistsError: HTTPStatus.CONFLICT,
    errors.NotBlockedError: HTTPStatus.CONFLICT,
    errors.EventChangedError: HTTPStatus.CONFLICT,
    errors.NotEditableError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.CreationRefusedError: HTTPStatus.CONFLICT,
    errors.ReceiptExpiredError: HTTPStatus.GONE,
    errors.InstanceGoneError: HTTPStatus.GONE,
    errors.TokenExpiredError: HTTPStatus.GONE,
    errors.TokenInvalidError: HTTPStatus.NOT_FOUND,
    errors.TokenUsedError: HTTPStatus.CONFLICT,
    errors.WaitImpossibleError: HTTPStatus.PRECONDITION_FAILED,
    errors.WaitInvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PreconditionFailedError: HTTPStatus.PRECONDITION_FAILED,
    errors.MessageTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnknownEventError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InternalEventError: HTTPStatus.UNPROCESSABLE_ENTITY,
    EventInvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownVersionError: HTTPStatus.CONFLICT,
    InputInvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooManyHeldError: HTTPStatus.TOO_MANY_REQUESTS,
}
"""Errors that are the caller's. Of the others, those that pass by themselves answer 503, the rest 500."""

MAX_DETAIL: Final = 2_000
"""Characters that a problem says in one go."""
_RETRY: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_UNEXPECTED: Final = "the request could not be answered; the log has the reason"


class RequestError(Exception):
    """A request that HTTP itself lets us refuse.

    Attributes:
        status: of the answer.
        code: stable identifier.
        headers: that the status asks for.
        fields: that do not fit.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.headers, self.fields = status, code, dict(headers or {}), tuple(fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What the caller is told."""

    status: HTTPStatus
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Sequence[FieldError] = ()

    @property
    def body(self) -> str:
        """The problem as JSON text."""
        slug = self.code.replace("_", "-")
        document: dict[str, Any] = {
            "type": f"/problems/{slug}",
            "title": self.code.replace("_", " ").capitalize(),
            "status": int(self.status),
            "detail": shorten(self.detail, MAX_DETAIL),
            "code": self.code,
        }
        if self.fields:
            # Those of several events come together here.
            fields = [*self.fields[:MAX_COMPLAINTS], *left_out(len(self.fields), "body")]
            document["errors"] = [{"path": each.path, "message": each.message, "type": each.type} for each in fields]
        return json.dumps(document)


def find_problem(error: Exception) -> Problem:
    """Return what the caller is told about an error. What is not the caller's fault is not described."""
    if isinstance(error, RequestError):
        return Problem(
            status=error.status, code=error.code, detail=str(error), headers=error.headers, fields=error.fields
        )
    if not isinstance(error, SettleError):
        return Problem(status=HTTPStatus.INTERNAL_SERVER_ERROR, code="internal_error", detail=_UNEXPECTED)
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)
    detail = str(error)
    if status is None and error.disposition is Disposition.RETRY:
        status, detail = HTTPStatus.SERVICE_UNAVAILABLE, "a service behind the API is not available; try again"
    elif status is None:
        status, detail = HTTPStatus.INTERNAL_SERVER_ERROR, _UNEXPECTED
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status in _RETRY else {}
    fields: Sequence[FieldError] = ()
    if isinstance(error, (EventInvalidError, InputInvalidError)):
        fields = [_without_reason(each) for each in error.fields]
        detail = f"{error.subject} is not valid: {'; '.join(f'{each.path}: {each.message}' for each in fields)}"
    return Problem(status=status, code=error.code, detail=detail, headers=headers, fields=fields)


def _without_reason(complaint: FieldError) -> FieldError:
    """Say of a model whose own code failed only that it did: how is for the machine's author."""
    if complaint.type != BROKEN_MODEL:
        return complaint
    return replace(complaint, message="the machine's own model fails on it")
