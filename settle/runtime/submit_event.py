"""The write side of the ingress: checks what a client asks of an instance, and sends it into its message group.

Nothing is changed here but the ledger, where an idempotency key is entered before its message is sent. What is checked
against the instance is checked as a courtesy, and decided by the consumer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from settle.authoring.findings import did_you_mean
from settle.core.codec import CodecError
from settle.core.definition import Definition
from settle.core.errors import Disposition, EventInvalidError, FieldError, InputInvalidError, SettleError
from settle.core.event import Event
from settle.core.interpreter import load_event
from settle.core.selection import matches
from settle.runtime.envelope import (
    ControlAction,
    ControlEnvelope,
    CreateEnvelope,
    Envelope,
    EnvelopeEvent,
    EventsEnvelope,
    dump_envelope,
    parse_envelope,
)
from settle.runtime.errors import (
    InstanceExistsError,
    KeyReusedError,
    TooManyHeldError,
    UnknownEventError,
    UnknownInstanceError,
)
from settle.runtime.ids import (
    KeyedReceiptId,
    PositionReceiptId,
    ReceiptId,
    creation_id,
    hash_creation,
    hash_request,
    is_same_creation,
    keyed_event_ids,
    plain_event_ids,
)
from settle.runtime.instance import MAX_HELD_EVENTS, Instance, InstanceKey
from settle.runtime.ledger import LEDGER_RETENTION_SECONDS, LedgerEntry
from settle.runtime.limits import check_message
from settle.runtime.names import check_event_type, check_idempotency_key
from settle.runtime.read_instance import Ports, ReceiptReader, ReceiptView, exists, poll, read_instance, read_receipts
from settle.runtime.receipt import Outcome, Position
from settle.runtime.registry import Registry

CREATE_SECONDS: Final = 10.0
"""How long a creation is waited for."""


class PreconditionFailedError(SettleError):
    """The instance is not at the version that the request names."""

    disposition = Disposition.CALLER
    code = "precondition_failed"


class NotBlockedError(SettleError):
    """There is no quarantined event to retry or to skip."""

    disposition = Disposition.CALLER
    code = "not_blocked"


class CreationRefusedError(SettleError):
    """The machine did not start: a guard, a rejecting node or the input's model refused it."""

    disposition = Disposition.CALLER
    code = "creation_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, as the API's authorizer names them."""

    principal: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientEvent:
    """An event as a client sends it; `path` is where it stood in the request, empty for the whole body."""

    type: str
    data: Any
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsRequest:
    """Events for one instance.

    Attributes:
        key: of the instance.
        caller: who sends them.
        events: one to ten, in order.
        idempotency_key: empty for none.
        if_match: version that the instance must have; None for any.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """What a creation came to.

    Attributes:
        instance: None while it is not there yet.
        is_new: whether this request made it.
        receipts: of the creation and of its event; empty when the instance was there before.
    """

    instance: Instance | None
    is_new: bool = True
    receipts: tuple[ReceiptView, ...] = ()


# Events --------------------------------------------------------------------------------------------------------------


def post_events(ports: Ports, request: EventsRequest) -> Accepted:
    """Send events to an instance as one message, which is taken whole or not at all.

    Raises:
        UnknownMachineError, UnknownInstanceError: nothing to send them to.
        UnknownEventError, InternalEventError, NameInvalidError, EventInvalidError: wrong events.
        MessageTooLargeError: all in all too large.
        KeyReusedError: the idempotency key came with another request before.
        PreconditionFailedError, TooManyHeldError: the instance does not take them now.
    """
    key = request.key
    definition = ports.registry.get(key.machine)
    check_events(ports.registry, key.machine, request.events)
    ids, body_hash = _identify(ports, request)
    pairs = zip(ids, request.events, strict=True)
    events = [EnvelopeEvent(id=event_id, type=event.type, data=event.data) for event_id, event in pairs]
    common = _common(ports, key, request.caller)
    envelope = EventsEnvelope(**common, events=events, body_hash=body_hash, if_match=request.if_match)
    body = _write(key, ids[0], envelope)
    if not body_hash:
        _look(ports, request, definition)
        return Accepted(receipt_ids=_send(ports, key, ids[0], body, len(ids)))
    receipt_ids = tuple(KeyedReceiptId(each, "" if each == ids[0] else ids[0]) for each in ids)
    if _enter(ports, request, definition, ids[0], body_hash):
        return Accepted(receipt_ids=receipt_ids, replayed=read_receipts(ports, key, receipt_ids))
    _send(ports, key, ids[0], body)
    return Accepted(receipt_ids=receipt_ids)


def _identify(ports: Ports, request: EventsRequest) -> tuple[list[str], str]:
    """Return the ids of the events, and the hash of the request if it carries an idempotency key."""
    count = len(request.events)
    if not request.idempotency_key:
        return plain_event_ids(ports.new_id(), count), ""
    check_idempotency_key(request.idempotency_key)
    bodies = [{"type": event.type, "data": event.data} for event in request.events]
    ids = keyed_event_ids(request.caller.principal, str(request.key), request.idempotency_key, count)
    return ids, hash_request(bodies, request.if_match)


def check_events(registry: Registry, machine: str, events: Sequence[ClientEvent]) -> None:
    """Check events against the current version of a machine, or else against an older one that instances may be on."""
    current = registry.get(machine)
    try:
        _check_events(current, events)
    except (UnknownEventError, EventInvalidError):
        older = [each for each in registry.versions[machine].values() if each is not current]
        if not any(_takes(definition, events) for definition in older):
            raise


def _takes(definition: Definition, events: Sequence[ClientEvent]) -> bool:
    try:
        _check_events(definition, events)
    except SettleError:
        return False
    return True


def _check_events(definition: Definition, events: Sequence[ClientEvent]) -> None:
    """Check events; data errors of all of them are reported together."""
    fields: list[FieldError] = []
    for event in events:
        check_event_type(event.type)
        _check_known(definition, event.type)
        try:
            load_event(definition, Event(type=event.type, data=event.data))
        except EventInvalidError as error:
            prefix = f"{event.path}." if event.path else ""
            fields += [replace(each, path=prefix + each.path) for each in error.fields]
    if fields:
        types = ", ".join(dict.fromkeys(repr(event.type) for event in events))
        raise EventInvalidError(f"event {types} of {definition.machine}", fields)


def _check_known(definition: Definition, event_type: str) -> None:
    known = definition.event_types
    if event_type in known or event_type in definition.events or any(matches(each, event_type) for each in known):
        return
    names = sorted({*known, *definition.events})
    hint = did_you_mean(event_type, names) or f"; it knows {', '.join(names) or 'none'}"
    raise UnknownEventError(f"{definition.machine} knows no event {event_type!r}{hint}")


def _enter(ports: Ports, request: EventsRequest, definition: Definition, event_id: str, body_hash: str) -> bool:
    """Enter the first event of a keyed request in the ledger. True when the same request is finished already.

    What the instance may object to is asked before, so that a refusal leaves nothing behind; but not when the request
    was accepted before: it may be why the version is another one by now.
    """
    now = ports.clock.now()
    older = None
    if _wants_look(request, definition):
        older = ports.store.find_finished(request.key, [event_id], now).get(event_id)
        if older is None:
            _look(ports, request, definition)
    if older is None:
        entry = LedgerEntry(event_id=event_id, body_hash=body_hash, expires_at=now + LEDGER_RETENTION_SECONDS)
        older = ports.store.accept(request.key, entry, now)
    if older is not None and older.body_hash != body_hash:
        raise KeyReusedError(f"the idempotency key was used for another request to {request.key}")
    return older is not None and older.receipt is not None


def _wants_look(request: EventsRequest, definition: Definition) -> bool:
    return request.look_first or request.if_match is not None or not definition.create_on_event


def _look(ports: Ports, request: EventsRequest, definition: Definition) -> None:
    """Ask the instance whether it would take the events, where that is worth a read."""
    if not _wants_look(request, definition):
        return
    instance = ports.store.load(request.key)
    if instance is None or not exists(instance):
        if not definition.create_on_event:
            raise UnknownInstanceError(f"{request.key} was never created; create it with PUT")
        if request.if_match is not None:
            raise PreconditionFailedError(f"{request.key} does not exist, so it has no version {request.if_match}")
        return
    if request.if_match not in {None, instance.version}:
        raise PreconditionFailedError(f"{request.key} is at version {instance.version}, not {request.if_match}")
    if instance.held is not None and len(instance.held) >= MAX_HELD_EVENTS:
        raise TooManyHeldError(f"{request.key} holds {len(instance.held)} events already")


# Creations -----------------------------------------------------------------------------------------------------------


def put_instance(
    ports: Ports, key: InstanceKey, caller: Caller, input_data: Mapping[str, Any], event: ClientEvent | None = None
) -> Creation:
    """Create an instance unless it is there, and wait for it.

    Safe to repeat: until the first message is taken a repetition sends no other one, and then the instance is there.

    Raises:
        InstanceExistsError: it was made from another input, or without the event.
        InputInvalidError: the input does not fit.
        CreationRefusedError: the machine refused to start.
    """
    definition = ports.registry.get(key.machine)
    creation = hash_creation(input_data, None if event is None else {"type": event.type, "data": event.data})
    found = ports.store.load(key)
    if found is not None and found.snapshot.started:
        return Creation(instance=_same(found, creation), is_new=False)
    _check_input(definition, input_data)
    _check_events(definition, [event] if event else [])
    create_id = creation_id(str(key), creation, found.revision if found else 0)
    envelope = CreateEnvelope(
        **_common(ports, key, caller),
        id=create_id,
        input=dict(input_data),
        input_hash=creation,
        event=EnvelopeEvent(id=f"{create_id}-1", type=event.type, data=event.data) if event else None,
    )
    body = _write(key, create_id, envelope)
    places = _send(ports, key, create_id, body, 2 if event else 1)

    def look() -> tuple[Creation, bool]:
        reader = ReceiptReader(ports, key, places)
        receipts = tuple(view for place in places if (view := reader.view(place)))
        instance = reader.instance()
        if instance is not None and instance.snapshot.started:
            # Otherwise somebody else made it, and this message was or will be a duplicate.
            is_new = receipts[0].outcome in {Outcome.APPLIED, None}
            return Creation(instance=instance, is_new=is_new, receipts=receipts), True
        # Held or quarantined: it waits for an operator, and there is no use in waiting along.
        return Creation(instance=None, receipts=receipts), receipts[0].outcome is not Outcome.QUEUED

    result = poll(ports.clock, CREATE_SECONDS, look)
    if result.instance is not None:
        _same(result.instance, creation)
    elif result.receipts[0].is_final:
        raise CreationRefusedError(f"{key} was not created: {result.receipts[0].code or result.receipts[0].outcome}")
    return result


def _same(instance: Instance, creation: str) -> Instance:
    if not is_same_creation(instance.input_hash, creation):
        raise InstanceExistsError(f"{instance.key} exists, made from another input or without this event")
    return instance


def _check_input(definition: Definition, input_data: Mapping[str, Any]) -> None:
    try:
        definition.context.load(input_data)
    except CodecError as error:
        fields = [replace(each, path="input" if each.path == "data" else f"input.{each.path}") for each in error.fields]
        raise InputInvalidError(f"input of {definition.machine}", fields) from error


# Control -------------------------------------------------------------------------------------------------------------


def control_instance(ports: Ports, key: InstanceKey, caller: Caller, action: ControlAction) -> Accepted:
    """Send a control message to an instance.

    Raises:
        UnknownMachineError, UnknownInstanceError: there is none.
        NotBlockedError: nothing to retry or skip.
    """
    instance = read_instance(ports, key)
    if action in {ControlAction.RETRY, ControlAction.SKIP} and instance.blocked is None:
        raise NotBlockedError(f"{key} has no quarantined event to {action.value}")
    control_id = ports.new_id()
    envelope = ControlEnvelope(**_common(ports, key, caller), id=control_id, action=action)
    return Accepted(receipt_ids=_send(ports, key, control_id, _write(key, control_id, envelope)))


# Messages ------------------------------------------------------------------------------------------------------------


def _common(ports: Ports, key: InstanceKey, caller: Caller) -> dict[str, Any]:
    return {
        "machine": key.machine,
        "instance": key.instance,
        "principal": caller.principal,
        "claims": dict(caller.claims),
        "accepted_at": ports.clock.now(),
    }


def _write(key: InstanceKey, deduplication_id: str, envelope: Envelope) -> str:
    """Write the body of a message, and refuse it here and now if the queue or the consumer would."""
    body = dump_envelope(envelope)
    check_message(group=str(key), deduplication_id=deduplication_id, body=body)
    parse_envelope(body)
    return body


def _send(ports: Ports, key: InstanceKey, deduplication_id: str, body: str, count: int = 1) -> tuple[ReceiptId, ...]:
    """Send a message; return where its events stand in the queue."""
    sent = ports.queue.send(group=str(key), deduplication_id=deduplication_id, body=body)
    return tuple(PositionReceiptId(Position(int(sent.sequence_number), index)) for index in range(count))
