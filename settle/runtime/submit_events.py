"""Accepting events: they are checked, given their ids, and sent into the group of their instance.

Nothing is changed here but the ledger, where an idempotency key is entered before its message is sent. What is checked
against the instance is checked as a courtesy, and decided by the consumer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from settle.core.definition import Definition
from settle.runtime.check_events import ClientEvent, check_events
from settle.runtime.check_rights import asks_to_send, check_send
from settle.runtime.compare import is_same
from settle.runtime.envelope import EnvelopeEvent, EventsEnvelope
from settle.runtime.errors import (
    InstanceGoneError,
    KeyReusedError,
    PreconditionFailedError,
    TooManyHeldError,
    UnknownInstanceError,
)
from settle.runtime.ids import KeyedReceiptId, ReceiptId, hash_request, keyed_event_ids, plain_event_ids
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import MAX_HELD_EVENTS, Instance, InstanceKey
from settle.runtime.ledger import LEDGER_RETENTION_SECONDS, LedgerEntry
from settle.runtime.names import check_idempotency_key
from settle.runtime.outgoing import Caller, common_fields, send_body, write_body
from settle.runtime.read_instance import exists
from settle.runtime.read_receipt import ReceiptView, read_receipts


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsRequest:
    """Events for one instance.

    Attributes:
        key: of the instance.
        caller: who sends them.
        events: one to ten, in order.
        idempotency_key: empty for none.
        if_match: version that the instance must have before the first event; None for any.
        look_first: read the instance beforehand, although nothing here needs it: the client waits for the outcome
            anyway, and would wait in vain when the instance takes no more.
    """

    key: InstanceKey
    caller: Caller
    events: Sequence[ClientEvent]
    idempotency_key: str = ""
    if_match: int | None = None
    look_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Events that were accepted.

    Attributes:
        receipt_ids: one per event.
        replayed: what became of them, when the same request was accepted and finished before; else empty.
    """

    receipt_ids: tuple[ReceiptId, ...]
    replayed: tuple[ReceiptView, ...] = ()


def post_events(ports: IngressPorts, request: EventsRequest) -> Accepted:
    """Send events to an instance as one message, which is taken whole or not at all.

    Raises:
        UnknownMachineError, UnknownInstanceError, InstanceGoneError: nothing to send them to.
        UnknownEventError, InternalEventError, NameInvalidError, EventInvalidError: wrong events.
        MessageTooLargeError: all in all too large.
        KeyReusedError: the idempotency key came with another request before.
        PreconditionFailedError, TooManyHeldError: the instance does not take them now.
        DeniedError: a rule of the machine says no to the first of them.
    """
    key = request.key
    definition = ports.registry.get(key.machine)
    check_events(ports.registry, key.machine, request.events)
    ids, body_hash = _identify(ports, request)
    pairs = zip(ids, request.events, strict=True)
    events = [EnvelopeEvent(id=event_id, type=event.type, data=event.data) for event_id, event in pairs]
    common = common_fields(ports, key, request.caller)
    envelope = EventsEnvelope(**common, events=events, body_hash=body_hash, if_match=request.if_match)
    body = write_body(key, ids[0], envelope)
    if not body_hash:
        _look(ports, request, definition)
        return Accepted(receipt_ids=send_body(ports, key, ids[0], body, len(ids)))
    receipt_ids = tuple(KeyedReceiptId(each, "" if each == ids[0] else ids[0]) for each in ids)
    entry = _enter(ports, request, definition, ids[0], body_hash)
    if entry.receipt is not None:
        return Accepted(receipt_ids=receipt_ids, replayed=read_receipts(ports, key, receipt_ids))
    # The same for a repetition of the request, and another one once the key was forgotten: the queue remembers for five
    # minutes, and the instance may have been deleted and created again meanwhile.
    send_body(ports, key, f"{ids[0]}-{entry.expires_at:.0f}", body)
    return Accepted(receipt_ids=receipt_ids)


def _identify(ports: IngressPorts, request: EventsRequest) -> tuple[list[str], str]:
    """Return the ids of the events, and the hash of the request if it carries an idempotency key."""
    count = len(request.events)
    if not request.idempotency_key:
        return plain_event_ids(ports.new_id(), count), ""
    check_idempotency_key(request.idempotency_key)
    bodies = [{"type": event.type, "data": event.data} for event in request.events]
    ids = keyed_event_ids(request.caller.principal.name, str(request.key), request.idempotency_key, count)
    return ids, hash_request(bodies, request.if_match)


def _enter(
    ports: IngressPorts, request: EventsRequest, definition: Definition, event_id: str, body_hash: str
) -> LedgerEntry:
    """Enter the first event of a keyed request in the ledger; return what stands there then.

    What the instance may object to is asked before, so that a refusal leaves nothing behind; but not when the request
    was accepted before: it may be why the version is another one by now.
    """
    now = ports.clock.now()
    older = None
    if _wants_look(ports, request, definition):
        older = ports.store.find_entries(request.key, [event_id], now).get(event_id)
        if older is None:
            _look(ports, request, definition)
    if older is None:
        # In whole seconds, as it will be read.
        expires_at = math.ceil(now) + LEDGER_RETENTION_SECONDS
        entry = LedgerEntry(event_id=event_id, body_hash=body_hash, expires_at=expires_at)
        older = ports.store.accept(request.key, entry, now)
        if older is None:
            return entry
    if not is_same(older.body_hash, body_hash):
        raise KeyReusedError(f"the idempotency key was used for another request to {request.key}")
    return older


def _wants_look(ports: IngressPorts, request: EventsRequest, definition: Definition) -> bool:
    if request.look_first or request.if_match is not None or not definition.create_on_event:
        return True
    return asks_to_send(ports, request.key.machine)


def _look(ports: IngressPorts, request: EventsRequest, definition: Definition) -> None:
    """Ask the instance whether it would take the events, where that is worth a read."""
    if not _wants_look(ports, request, definition):
        return
    instance = ports.store.load(request.key)
    if instance is not None and instance.deleted and not exists(instance):
        raise InstanceGoneError(f"{request.key} was deleted; create it again with PUT")
    if instance is None or not exists(instance):
        if not definition.create_on_event:
            raise UnknownInstanceError(f"{request.key} was never created; create it with PUT")
        if request.if_match is not None:
            raise PreconditionFailedError(f"{request.key} does not exist, so it has no version {request.if_match}")
        _check_rights(ports, request, None)
        return
    _check_rights(ports, request, instance)
    if request.if_match not in {None, instance.version}:
        raise PreconditionFailedError(f"{request.key} is at version {instance.version}, not {request.if_match}")
    if instance.held is not None and len(instance.held) >= MAX_HELD_EVENTS:
        raise TooManyHeldError(f"{request.key} holds {len(instance.held)} events already")


def _check_rights(ports: IngressPorts, request: EventsRequest, instance: Instance | None) -> None:
    """Ask about the first event of a request; what the others will meet cannot be foreseen."""
    first = request.events[0]
    check_send(ports, request.key, request.caller.principal, (first.type, first.data), instance)
