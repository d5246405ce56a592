"""Asking an instance to pause, to go on, to retry or to skip: what operators send; the consumer applies it."""

from settle.runtime.check_rights import check_send
from settle.runtime.envelope import THIRD_SCHEMA, ControlAction, ControlEnvelope
from settle.runtime.errors import EventChangedError, NotBlockedError
from settle.runtime.ids import ReceiptId
from settle.runtime.incoming import control_type
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import InstanceKey
from settle.runtime.outgoing import Caller, common_fields, send_body, write_body
from settle.runtime.read_instance import read_instance


def send_control(
    ports: IngressPorts, key: InstanceKey, caller: Caller, action: ControlAction, event_id: str = ""
) -> ReceiptId:
    """Send a control message to an instance; return the id of its receipt.

    A skip is for the event that blocks the instance now, and never for one that comes after it.

    Args:
        ports: of the ingress.
        key: of the instance.
        caller: who asks.
        action: what is asked for.
        event_id: of a skip: the event that they looked at; empty for whichever it is now.

    Raises:
        UnknownMachineError, UnknownInstanceError: there is none.
        DeniedError: a rule of the machine says no.
        NotBlockedError: nothing to retry or skip.
        EventChangedError: another event blocks it than the one that they looked at.
    """
    instance = read_instance(ports, key)
    check_send(ports, key, caller.principal, (control_type(action), {}), instance)
    # Not before: whether an event blocks it is nothing for whoever may not ask for this.
    if action in {ControlAction.RETRY, ControlAction.SKIP} and instance.blocked is None:
        raise NotBlockedError(f"{key} has no quarantined event to {action.value}")
    control_id, named = ports.new_id(), {}
    if action is ControlAction.SKIP and instance.blocked is not None:
        if event_id not in {"", instance.blocked.event_id}:
            raise EventChangedError(f"the quarantined event of {key} is {instance.blocked.event_id}, not {event_id}")
        named = {"event_id": instance.blocked.event_id, "schema_version": THIRD_SCHEMA}
    envelope = ControlEnvelope(**common_fields(ports, key, caller), **named, id=control_id, action=action)
    (receipt_id,) = send_body(ports, key, control_id, write_body(key, control_id, envelope))
    return receipt_id
