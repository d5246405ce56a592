"""Asking an instance to pause, to go on, to retry or to skip: what operators send; the consumer applies it."""

from settle.runtime.check_rights import check_send
from settle.runtime.envelope import ControlAction, ControlEnvelope
from settle.runtime.errors import NotBlockedError
from settle.runtime.ids import ReceiptId
from settle.runtime.incoming import control_type
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import InstanceKey
from settle.runtime.outgoing import Caller, common_fields, send_body, write_body
from settle.runtime.read_instance import read_instance


def send_control(ports: IngressPorts, key: InstanceKey, caller: Caller, action: ControlAction) -> ReceiptId:
    """Send a control message to an instance; return the id of its receipt.

    Raises:
        UnknownMachineError, UnknownInstanceError: there is none.
        NotBlockedError: nothing to retry or skip.
        DeniedError: a rule of the machine says no.
    """
    instance = read_instance(ports, key)
    if action in {ControlAction.RETRY, ControlAction.SKIP} and instance.blocked is None:
        raise NotBlockedError(f"{key} has no quarantined event to {action.value}")
    check_send(ports, key, caller.principal, (control_type(action), {}), instance)
    control_id = ports.new_id()
    envelope = ControlEnvelope(**common_fields(ports, key, caller), id=control_id, action=action)
    (receipt_id,) = send_body(ports, key, control_id, write_body(key, control_id, envelope))
    return receipt_id
