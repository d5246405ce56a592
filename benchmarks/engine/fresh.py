"""Engines that have just been loaded, as in a function that was started for a few events.

An engine remembers nothing about a machine then, and V8 has compiled nothing yet. Each round has a process of its own
for node, and a definition of its own for the engines in Python, which has no compiler to wait for.
"""

from collections.abc import Sequence
from typing import Final

from benchmarks.engine.lanes import Lane
from benchmarks.engine.peers import Missing, Peer, open_lanes
from benchmarks.engine.reference import Times, tabulate
from benchmarks.engine.report import Table
from benchmarks.engine.xstate_peer import open_xstate
from benchmarks.reference_machines import MACHINES

EVENTS: Final = 1000
"""How many events are given to an engine that has seen the machine in one or two passes."""
XSTATE_WAY: Final = "actor"
"""The faster one."""


def measure_fresh(python_peers: Sequence[Peer | Missing], rounds: int) -> Table:
    """Time the first events of every machine with every engine; the smallest round counts here too."""
    times: Times = {}
    notes: list[str] = []
    for _ in range(rounds):
        for machine in MACHINES:
            with open_xstate(XSTATE_WAY) as xstate:
                peers = [*python_peers, xstate]
                lanes, why_not = open_lanes(peers, machine, per_round=EVENTS)
                notes += [note for note in why_not if note not in notes]
                for peer in peers:
                    found = times.setdefault(peer.name, {})
                    if peer.name in lanes:
                        found[machine.name] = min(found.get(machine.name, float("inf")), _first(lanes[peer.name]))
    return tabulate(f"The first {EVENTS:,} events, microseconds per event", times, [f"Best of {rounds}.", *notes])


def _first(lane: Lane) -> float:
    lane.measure()
    return lane.best
