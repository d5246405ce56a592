"""Creating an instance: a message goes through its group like any other, and is waited for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from settle.core.codec import CodecError
from settle.core.definition import Definition
from settle.core.errors import InputInvalidError
from settle.runtime.check_events import ClientEvent, check_events_against
from settle.runtime.check_rights import check_send
from settle.runtime.envelope import CreateEnvelope, EnvelopeEvent
from settle.runtime.errors import CreationRefusedError, InstanceExistsError
from settle.runtime.ids import creation_id, hash_creation, is_same_creation
from settle.runtime.incoming import CREATE_TYPE
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.outgoing import Caller, common_fields, send_body, write_body
from settle.runtime.poll import poll
from settle.runtime.read_receipt import ReceiptReader, ReceiptView
from settle.runtime.receipt import Outcome

CREATE_SECONDS: Final = 10.0
"""How long a creation is waited for."""


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


def put_instance(
    ports: IngressPorts,
    key: InstanceKey,
    caller: Caller,
    input_data: Mapping[str, Any],
    event: ClientEvent | None = None,
) -> Creation:
    """Create an instance unless it is there, and wait for it.

    Safe to repeat: until the first message is taken a repetition sends no other one, and then the instance is there.

    Raises:
        InstanceExistsError: it was made from another input, or without the event.
        InputInvalidError: the input does not fit.
        CreationRefusedError: the machine refused to start.
        DeniedError: a rule of the machine says no.
    """
    definition = ports.registry.get(key.machine)
    creation = hash_creation(input_data, None if event is None else {"type": event.type, "data": event.data})
    found = ports.store.load(key)
    if found is not None and found.snapshot.started:
        # Whoever could not have made it does not learn what it was made from by trying.
        check_send(ports, key, caller.principal, (CREATE_TYPE, dict(input_data)), None)
        return Creation(instance=_same(found, creation), is_new=False)
    _check_input(definition, input_data)
    check_events_against(definition, [event] if event else [])
    check_send(ports, key, caller.principal, (CREATE_TYPE, dict(input_data)), None)
    create_id = creation_id(str(key), creation, found.revision if found else 0)
    envelope = CreateEnvelope(
        **common_fields(ports, key, caller),
        id=create_id,
        input=dict(input_data),
        input_hash=creation,
        event=EnvelopeEvent(id=f"{create_id}-1", type=event.type, data=event.data) if event else None,
    )
    body = write_body(key, create_id, envelope)
    places = send_body(ports, key, create_id, body, 2 if event else 1)

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

    result = poll(ports.clock, ports.pauses, CREATE_SECONDS, look)
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
