"""A message as the ingress sends it: composed, checked, and put into the group of its instance."""

from dataclasses import dataclass
from typing import Any

from settle.core.permission import NOBODY, Principal
from settle.runtime.envelope import Envelope, TraceContext, dump_envelope, parse_envelope
from settle.runtime.ids import PositionReceiptId
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import InstanceKey
from settle.runtime.limits import check_message
from settle.runtime.receipt import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and how what follows from it is found again.

    Attributes:
        principal: as the API's authorizer names them.
        trace: goes along with everything that follows from the request.
    """

    principal: Principal = NOBODY
    trace: TraceContext | None = None


def common_fields(ports: IngressPorts, key: InstanceKey, caller: Caller) -> dict[str, Any]:
    """Return what every envelope says: for whom it is, from whom, and since when."""
    return {
        "machine": key.machine,
        "instance": key.instance,
        "principal": caller.principal.name,
        "claims": dict(caller.principal.claims),
        "trace": caller.trace,
        "accepted_at": ports.clock.now(),
    }


def write_body(key: InstanceKey, deduplication_id: str, envelope: Envelope) -> str:
    """Write the body of a message, and refuse it here and now if the queue or the consumer would."""
    body = dump_envelope(envelope)
    check_message(group=str(key), deduplication_id=deduplication_id, body=body)
    parse_envelope(body)
    return body


def send_body(
    ports: IngressPorts, key: InstanceKey, deduplication_id: str, body: str, count: int = 1
) -> tuple[PositionReceiptId, ...]:
    """Send a message with so many events; return where they stand in the queue."""
    sent = ports.queue.send(group=str(key), deduplication_id=deduplication_id, body=body)
    return tuple(PositionReceiptId(Position(int(sent.sequence_number), index)) for index in range(count))
