"""Errors of the runtime and of its adapters; they continue the tree of `settle.core.errors`.

SettleError
├── UnavailableError           a service cannot be reached or throttles                  (retry)
│   ├── StoreUnavailableError
│   ├── QueueUnavailableError
│   └── SchedulerUnavailableError
├── ConflictError              the stored instance is not the one that was read          (reload and recompute)
├── InstanceTooNewError        a newer release stored the instance                       (retry)
├── EnvelopeTooNewError        a newer release sent the message                          (retry)
├── MachineNotDeployedError    our ingress knows a machine that is not deployed here yet (retry)
├── EnvelopeInvalidError       a message is not an envelope                              (dead-letter queue)
├── ServiceFailedError         a service raised, or ended too late                       (retry, then its error event)
├── DeadlineError              too little time is left to begin a service                (retry)
├── AttemptsExhaustedError     the event was begun several times and never finished      (quarantine)
├── LiveEventRejectedError     a result or a timer leads to a node that refuses events   (quarantine)
├── TooManyHopsError           messages between instances go round in a circle           (quarantine)
├── InstanceTooLargeError      the item would exceed the limit of the store              (quarantine)
├── ScheduleRefusedError       the scheduler will never take a timer                     (caller)
├── InputNotAnObjectError      a child is given something that has no fields             (caller)
├── MessageTooLargeError       over the limit of a message                               (caller, 413)
├── NameInvalidError           a machine name, instance id or event type breaks the rules (caller, 400)
├── UnknownMachineError        no machine of that name                                   (caller, 404)
├── UnknownInstanceError       never created                                             (caller, 404)
├── UnknownReceiptError        nothing was accepted under this receipt id                (caller, 404)
├── DeniedError                a rule of the machine says that the caller may not         (caller, 403)
├── UnknownEventError          the machine knows no such event type                      (caller, 422)
├── InternalEventError         a type that only the runtime may send                     (caller, 422)
├── KeyReusedError             the idempotency key came with another body before         (caller, 409)
├── InstanceExistsError        it exists with another input                              (caller, 409)
├── NotBlockedError            no quarantined event to retry, to skip or to edit         (caller, 409)
├── EventChangedError          the quarantined event is not the one that was looked at   (caller, 409)
├── NotEditableError           the quarantined event says nothing that could be changed  (caller, 422)
├── CreationRefusedError       the machine did not start                                 (caller, 409)
├── TokenInvalidError          a completion token that is none, or of nothing here       (caller, 404)
├── TokenUsedError             a completion token came with another outcome before       (caller, 409)
├── CursorInvalidError         no page of a list ended so                               (caller, 400)
├── WaitInvalidError           what a client waits for does not exist                    (caller, 422)
├── WaitImpossibleError        what a client waits for cannot come any more              (caller, 412)
├── TokenExpiredError          what a completion token was for is over                   (caller, 410)
├── InstanceGoneError          it was deleted                                            (caller, 410)
├── ReceiptExpiredError        the event is finished and its details were not kept       (caller, 410)
├── PreconditionFailedError    the instance is not at the version that was named         (caller, 412)
└── TooManyHeldError           the instance holds as many events as it may               (caller, 429)
"""

from settle.core.errors import Disposition, SettleError


class UnavailableError(SettleError):
    """A service cannot be reached or throttles."""

    disposition = Disposition.RETRY
    code = "unavailable"


class StoreUnavailableError(UnavailableError):
    """The table cannot be reached or throttles."""

    code = "store_unavailable"


class QueueUnavailableError(UnavailableError):
    """The queue cannot be reached or throttles."""

    code = "queue_unavailable"


class SchedulerUnavailableError(UnavailableError):
    """The scheduler cannot be reached or throttles."""

    code = "scheduler_unavailable"


class ConflictError(SettleError):
    """The stored instance is not the one that was read; nothing was written."""

    disposition = Disposition.RETRY
    code = "conflict"


class InstanceTooNewError(SettleError):
    """A newer release stored the instance; a rollback is under way."""

    disposition = Disposition.RETRY
    code = "instance_too_new"


class EnvelopeTooNewError(SettleError):
    """A newer release sent the message; a rollback is under way."""

    disposition = Disposition.RETRY
    code = "envelope_too_new"


class MachineNotDeployedError(SettleError):
    """Our ingress knows a machine that is not deployed here yet; a deployment is under way."""

    disposition = Disposition.RETRY
    code = "machine_not_deployed"


class EnvelopeInvalidError(SettleError):
    """A message that is not an envelope, or that its sender may not send."""

    disposition = Disposition.CALLER
    code = "envelope_invalid"


class ServiceFailedError(SettleError):
    """A service raised or ended too late; it may be called again.

    Args:
        message: what happened.
        raised: the text of what the service raised, which no log repeats.
    """

    disposition = Disposition.RETRY
    code = "service_failed"

    def __init__(self, message: str, raised: str = "") -> None:
        self._summary = message
        super().__init__(f"{message}: {raised}" if raised else message)

    @property
    def summary(self) -> str:
        """Without the text of what was raised."""
        return self._summary


class DeadlineError(SettleError):
    """Too little time is left in this invocation to begin a service; the next one will."""

    disposition = Disposition.RETRY
    code = "deadline"


class AttemptsExhaustedError(SettleError):
    """The event was begun several times and never finished: it kills the process that runs it."""

    disposition = Disposition.QUARANTINE
    code = "attempts_exhausted"


class LiveEventRejectedError(SettleError):
    """A result or a timer leads to a node tagged `rejected`; nobody is there to be told that it was refused."""

    disposition = Disposition.QUARANTINE
    code = "rejected"


class TooManyHopsError(SettleError):
    """Messages between instances led to one another without an event from outside in between."""

    disposition = Disposition.QUARANTINE
    code = "too_many_hops"


class InstanceTooLargeError(SettleError):
    """The instance would exceed the limit of an item."""

    disposition = Disposition.QUARANTINE
    code = "instance_too_large"


class _CallerError(SettleError):
    disposition = Disposition.CALLER


class ScheduleRefusedError(_CallerError):
    """The scheduler will never take a timer as it is."""

    code = "schedule_refused"


class InputNotAnObjectError(_CallerError):
    """A child is given something that has no fields."""

    code = "input_invalid"


class MessageTooLargeError(_CallerError):
    """Over the limit of a message."""

    code = "message_too_large"


class NameInvalidError(_CallerError):
    """A machine name, instance id, idempotency key or event type breaks the rules."""

    code = "name_invalid"


class UnknownMachineError(_CallerError):
    """No machine of that name is registered."""

    code = "unknown_machine"


class UnknownInstanceError(_CallerError):
    """The instance was never created."""

    code = "unknown_instance"


class UnknownReceiptError(_CallerError):
    """No event was accepted under this receipt id, or so long ago that nothing is left of it."""

    code = "unknown_receipt"


class DeniedError(_CallerError):
    """A rule of the machine says that the caller may not do this, or may not see it."""

    code = "denied"


class UnknownEventError(_CallerError):
    """The machine knows no event of this type."""

    code = "unknown_event"


class InternalEventError(_CallerError):
    """Only the runtime may send events of this type."""

    code = "internal_event"


class KeyReusedError(_CallerError):
    """The idempotency key came with another body before."""

    code = "key_reused"


class InstanceExistsError(_CallerError):
    """The instance exists with another input."""

    code = "instance_exists"


class NotBlockedError(_CallerError):
    """There is no quarantined event to retry, to skip or to edit."""

    code = "not_blocked"


class EventChangedError(_CallerError):
    """The quarantined event is another one by now, or somebody else has edited it."""

    code = "event_changed"


class NotEditableError(_CallerError):
    """The quarantined event says nothing that could be changed: a timer, or a type that is the runtime's own."""

    code = "not_editable"


class CreationRefusedError(_CallerError):
    """The machine did not start: a guard, a rejecting node or the input's model refused it."""

    code = "creation_refused"


class TokenInvalidError(_CallerError):
    """A completion token that is none, or that belongs to nothing here."""

    code = "token_invalid"


class TokenUsedError(_CallerError):
    """A completion token came with another outcome before."""

    code = "token_used"


class CursorInvalidError(_CallerError):
    """No page of a list ended with this cursor."""

    code = "cursor_invalid"


class WaitInvalidError(_CallerError):
    """What a client waits for does not exist."""

    code = "wait_invalid"


class WaitImpossibleError(_CallerError):
    """What a client waits for cannot come any more."""

    code = "wait_impossible"


class TokenExpiredError(_CallerError):
    """What a completion token was for has ended, or is not waited for any more."""

    code = "token_expired"


class InstanceGoneError(_CallerError):
    """The instance was deleted."""

    code = "gone"


class ReceiptExpiredError(_CallerError):
    """The event is finished; its details are no longer kept."""

    code = "receipt_expired"


class PreconditionFailedError(_CallerError):
    """The instance is not at the version that the request names."""

    code = "precondition_failed"


class TooManyHeldError(_CallerError):
    """The instance holds as many events as it may."""

    code = "too_many_held"
