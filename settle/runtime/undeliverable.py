"""Messages that no instance will ever take: their sender hears of it as `error.communication`."""

import logging
from typing import Final

from settle.core.errors import EventInvalidError
from settle.runtime.envelope import RefusalEnvelope, dump_envelope
from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import InstanceKey, SendMessage
from settle.runtime.ledger import LEDGER_MARK
from settle.runtime.log_keys import group_log_keys
from settle.runtime.receipt import Outcome
from settle.runtime.trace import follow
from settle.runtime.verdict import Verdict

NOT_CREATED: Final = "not_created"
"""Code for an instance that is not there, and that no event creates."""
_REFUSALS: Final = frozenset({NOT_CREATED, EventInvalidError.code})

_logger = logging.getLogger("settle")


def is_undeliverable(event: IncomingEvent, verdict: Verdict) -> bool:
    """Whether a message reached nobody who could ever take it: its receiver is gone, or its data does not fit.

    That a guard refuses it, or that no transition takes it, is the receiver's own affair.
    """
    if not event.origin:
        return False
    refused = verdict.outcome is Outcome.REFUSED and verdict.code in _REFUSALS
    return refused or verdict.outcome is Outcome.GONE


def undeliverable(target: str, event: IncomingEvent, verdict: Verdict) -> SendMessage:
    """Return the message that tells the sender so. Its incarnation stands in the id of what it sent."""
    sender, name = InstanceKey.parse(event.origin), f"{event.id}-undelivered"
    code = verdict.code or verdict.outcome.value
    message = f"{event.type!r} for {target} was not delivered: {verdict.reason or code}"
    keys = {**group_log_keys(target), "event_id": event.id}
    _logger.info("message not delivered", extra={**keys, "origin": event.origin, "code": code})
    envelope = RefusalEnvelope(
        machine=sender.machine,
        instance=sender.instance,
        hops=event.hops + 1,
        trace=follow(event.envelope.trace, target, event.id),
        id=name,
        incarnation=event.id.partition(":")[0],
        data={"code": code, "message": message, "target": target, "type": event.type},
        body_hash=LEDGER_MARK,
    )
    return SendMessage(id=name, group=event.origin, body=dump_envelope(envelope))
