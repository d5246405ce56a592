"""Traces: each event and each call of a background service as a segment of its own trace in X-Ray.

Lambda's own segments are of invocations, and a batch mixes the events of many requests. So a segment is written for
each of them into the trace that its request began, which the envelope brings. They go to the daemon that Lambda runs
beside a function with active tracing, as it takes them:
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon
"""

import json
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from settle.runtime.instance import InstanceKey
from settle.runtime.receipt import Outcome
from settle.runtime.tally import Taken, Tally
from settle.runtime.trace import parse_parent, segment_id

HEADER: Final = b'{"format": "json", "version": 1}\n'
DAEMON_VARIABLE: Final = "AWS_XRAY_DAEMON_ADDRESS"
TRACE_VARIABLE: Final = "_X_AMZN_TRACE_ID"
"""Lambda sets it anew for each invocation."""
FAULTS: Final = frozenset({Outcome.QUARANTINED})
"""Outcomes that are our fault, and shown as such."""


def find_parent(environ: Mapping[str, str]) -> str | None:
    """Return the header for what follows from the present invocation; None where it is not traced."""
    header = environ.get(TRACE_VARIABLE)
    return header if parse_parent(header) is not None else None


def draw(taken: Taken) -> bytes | None:
    """Return the segment of something that was taken, as a datagram; None where it belongs to no sampled trace."""
    parent = parse_parent(taken.trace.parent) if taken.trace is not None else None
    if taken.trace is None or parent is None or not parent.sampled:
        return None
    key = InstanceKey.parse(taken.group)
    segment: dict[str, Any] = {
        "name": f"settle/{key.machine}",
        "id": segment_id(taken.group, taken.event_id),
        "trace_id": parent.root,
        "parent_id": parent.parent,
        "start_time": taken.began_at,
        "end_time": taken.ended_at,
        "fault": taken.outcome in FAULTS,
        "annotations": {
            "machine_id": key.machine,
            "instance_id": key.instance,
            "event_id": taken.event_id,
            "event_type": taken.type,
            "outcome": str(taken.outcome),
            "snapshot_version": taken.version,
            "correlation_id": taken.trace.correlation_id,
        },
    }
    return HEADER + json.dumps(segment).encode()


def send_traces(tallies: Sequence[Tally], environ: Mapping[str, str]) -> None:
    """Send the segments of a batch. What the daemon does not take is lost, as the rest of a trace may be."""
    datagrams = [datagram for tally in tallies for taken in tally.taken if (datagram := draw(taken)) is not None]
    if not datagrams:
        return
    host, _, port = environ.get(DAEMON_VARIABLE, "127.0.0.1:2000").rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.setblocking(False)  # noqa: FBT003 - the parameter has no name
        for datagram in datagrams:
            with suppress(OSError):  # too long for a datagram, or nobody listens
                daemon.sendto(datagram, (host, int(port)))
