"""Segments go out as datagrams to wherever Lambda says that the daemon listens."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from functions import tracing
from settle.runtime.envelope import TraceContext
from settle.runtime.tally import Taken, Tally

HEADER = "Root=1-6565c1a2-0123456789abcdef01234567;Parent=00000000000000aa;Sampled=1"
TRACE = TraceContext(correlation_id="c", parent=HEADER)
EVENT = Taken(group="door/d1", event_id="e1", type="OPEN", outcome="applied", trace=TRACE)


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        yield listening


def send(daemon: socket.socket, *events: Taken) -> None:
    tracing.send_traces(
        [Tally(taken=list(events))], {"AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}"}
    )


def test_the_daemon_gets_one_datagram_for_each_sampled_event(daemon: socket.socket) -> None:
    send(daemon, EVENT, replace(EVENT, trace=None), replace(EVENT, event_id="e2"))
    header, _, segment = daemon.recv(65536).partition(b"\n")
    assert json.loads(header) == {"format": "json", "version": 1}
    assert json.loads(segment)["annotations"]["event_id"] == "e1"
    assert b'"e2"' in daemon.recv(65536)


def test_a_segment_that_is_too_long_is_lost_and_nothing_else(daemon: socket.socket) -> None:
    send(daemon, replace(EVENT, event_id="x" * 70_000), EVENT)
    assert b'"e1"' in daemon.recv(65536)


def test_nobody_needs_to_listen(daemon: socket.socket) -> None:
    port = daemon.getsockname()[1]
    daemon.close()
    tracing.send_traces([Tally(taken=[EVENT, EVENT])], {"AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{port}"})
