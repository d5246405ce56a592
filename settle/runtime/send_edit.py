"""Asking an instance for another type or other data in its quarantined event; the consumer applies it."""

from dataclasses import dataclass
from typing import Any

from settle.runtime.apply_edit import check_seen
from settle.runtime.check_events import ClientEvent, check_events
from settle.runtime.check_rights import check_send
from settle.runtime.edit_event import check_edited, edit_event
from settle.runtime.envelope import THIRD_SCHEMA, ControlAction, ControlEnvelope, EnvelopeEvent, EventEdit
from settle.runtime.errors import NotBlockedError
from settle.runtime.find_definition import find_definition
from settle.runtime.ids import ReceiptId
from settle.runtime.incoming import control_data, control_type
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import InstanceKey
from settle.runtime.outgoing import Caller, common_fields, send_body, write_body
from settle.runtime.read_blocked import BlockedEvent, read_blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest:
    """What an operator wants of the quarantined event.

    Attributes:
        changes: `type`, `data` or both; what is left out stays as it is.
        event_id: of the event that they looked at; empty for whichever it is now.
        digest: of what they looked at, likewise.
    """

    changes: dict[str, Any]
    event_id: str = ""
    digest: str = ""


def send_edit(ports: IngressPorts, key: InstanceKey, caller: Caller, request: EditRequest) -> ReceiptId:
    """Send an edit to an instance; return the id of its receipt.

    Raises:
        UnknownMachineError, UnknownInstanceError, InstanceGoneError: there is no such instance.
        NotBlockedError: nothing to edit.
        EventChangedError: what blocks it is not what was looked at.
        NotEditableError: nothing in it can be changed, or not its type.
        UnknownEventError, InternalEventError, NameInvalidError, EventInvalidError, InputInvalidError: not like this.
        MessageTooLargeError: it would be too large.
        DeniedError: a rule of the machine says no.
    """
    found = _read_blocked(ports, key, caller, request)
    event = found.event
    wanted = {"type": event.type, "data": event.data, **request.changes}
    edit = EventEdit(
        digest=request.digest or found.digest,
        event=EnvelopeEvent(id=request.event_id or event.id, type=wanted["type"], data=wanted["data"]),
    )
    # Before anything is compared: what blocks the instance is nothing for whoever may not ask for this.
    check_send(ports, key, caller.principal, (control_type(ControlAction.EDIT), control_data(edit)), found.instance)
    check_seen(event.id, found.digest, edit)
    edited = edit_event(event, edit.event.type, edit.event.data)
    definition = find_definition(ports.registry, found.instance)
    if definition is None and not edited.is_creation and edited.live is None:
        check_events(ports.registry, key.machine, [ClientEvent(type=edited.type, data=edited.data)])
    check_edited(definition, edited)
    control_id = ports.new_id()
    envelope = ControlEnvelope(
        **common_fields(ports, key, caller),
        schema_version=THIRD_SCHEMA,
        id=control_id,
        action=ControlAction.EDIT,
        edit=edit,
    )
    (receipt_id,) = send_body(ports, key, control_id, write_body(key, control_id, envelope))
    return receipt_id


def _read_blocked(ports: IngressPorts, key: InstanceKey, caller: Caller, request: EditRequest) -> BlockedEvent:
    """Return what blocks the instance; that nothing does is told only to those who might edit it."""
    try:
        return read_blocked(ports, key)
    except NotBlockedError:
        wanted = {"id": request.event_id, "type": "", "data": {}, **request.changes}
        asked = (control_type(ControlAction.EDIT), wanted)
        check_send(ports, key, caller.principal, asked, ports.store.load(key))
        raise
