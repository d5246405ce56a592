"""Peers: engines that run the reference machines, each in the way that suits it best.

One that is not installed is missing from the tables, which say why; so is a machine that ends elsewhere with one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from benchmarks.engine.lanes import EVENTS_PER_ROUND, Lane, Timer
from benchmarks.reference_machines import EndStateError, ReferenceMachine


class PeerError(Exception):
    """An engine that is installed does not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """An engine, or one way to use it.

    Attributes:
        name: with its version.
        prepare: makes a machine ready, checks what a pass leaves, and returns what times passes.
        warm_up: events before the first round, for an engine that is compiled while it runs.
    """

    name: str
    prepare: Callable[[ReferenceMachine], Timer]
    warm_up: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """An engine that cannot be run here.

    Attributes:
        name: of the engine.
        reason: what is not there, and how to get it.
    """

    name: str
    reason: str


def open_lanes(
    peers: Iterable[Peer | Missing], machine: ReferenceMachine, per_round: int = EVENTS_PER_ROUND
) -> tuple[dict[str, Lane], list[str]]:
    """Return a lane for each peer by its name, and why there is none for the others."""
    lanes: dict[str, Lane] = {}
    notes: list[str] = []
    for peer in peers:
        if isinstance(peer, Missing):
            notes.append(f"{peer.name}: {peer.reason}.")
            continue
        try:
            timer = peer.prepare(machine)
        except EndStateError as error:
            notes.append(f"{peer.name} is not run on `{machine.name}`, which means something else to it: {error}.")
            continue
        except PeerError as error:
            notes.append(f"{peer.name}: {error}.")
            continue
        lanes[peer.name] = Lane(timer=timer, events=len(machine.events), per_round=per_round)
    return lanes, notes


def warm_up(peers: Iterable[Peer | Missing], lanes: Mapping[str, Lane]) -> None:
    """Let the engines that ask for it run until they are as fast as they get."""
    for peer in peers:
        if isinstance(peer, Peer) and peer.name in lanes and peer.warm_up:
            lane = lanes[peer.name]
            lane.timer(peer.warm_up // lane.events)
