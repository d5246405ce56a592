"""One run: the acts of a seed, then calm, then a look at what has become of everything."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tests.simulation import events_audit, long_work_audit
from tests.simulation.acts import SKEWS, Act, Workload, plan
from tests.simulation.events_world import EVENTS, EventsWorld
from tests.simulation.long_work_world import LONG_WORK, LongWorkWorld
from tests.simulation.promises import BrokenError
from tests.simulation.watching import watching
from tests.simulation.world import World

CI_SEEDS: Final = 2000
"""Seeds that have to pass before anything is merged; every mutant is noticed by one of them."""
LONG_WORK_EVERY: Final = 4
"""One of so many seeds is about long work, which takes longer."""
PATIENCE: Final = 1000
"""Rounds in which everything has to come to its end."""
STRAGGLES: Final = 600.0
"""How long a stalled process stays so after everybody else has calmed down, at most."""
FUNCTIONS: Final = ("fire", "forwarder", "worker", "consumer")


class Rig(Protocol):
    """A kind of world, what happens in it, and how its end is looked at."""

    workload: Workload

    def make(self) -> World:
        """Return a new world."""

    def audit(self, world: Any) -> None:
        """Check what has to hold when everything is over."""


class _Events:
    workload = EVENTS

    def make(self) -> World:
        return EventsWorld()

    def audit(self, world: Any) -> None:
        events_audit.audit(world)


class _LongWork:
    workload = LONG_WORK

    def make(self) -> World:
        return LongWorkWorld()

    def audit(self, world: Any) -> None:
        long_work_audit.audit(world.witness, world.clock.now())


RIGS: Final[dict[str, Rig]] = {"events": _Events(), "long work": _LongWork()}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run came to.

    Attributes:
        broken: the promise that was broken first, and how; None for a run in which all were kept.
        trace: what happened, a line each.
        steps: of all processes.
        checks: of promises.
        seconds: of processor time.
        faults: what went wrong, and how often.
        met: how often things happened that the simulation is for.
    """

    broken: tuple[str, str] | None
    trace: Sequence[str]
    steps: int
    checks: int
    seconds: float
    faults: Counter[str]
    met: Counter[str]


def rig_of(seed: int) -> str:
    """Return the kind of world of a seed."""
    return "events" if seed % LONG_WORK_EVERY else "long work"


def plan_of(seed: int) -> tuple[Act, ...]:
    """Return the acts of a seed."""
    return plan(seed, RIGS[rig_of(seed)].workload)


def run_seed(seed: int) -> Result:
    """Run a seed."""
    return run(rig_of(seed), plan_of(seed))


def run(kind: str, acts: Sequence[Act]) -> Result:
    """Let acts happen in a new world, then let everything come to its end."""
    began, rig = time.process_time(), RIGS[kind]
    with watching(rig.make) as world:
        try:
            for act in acts:
                if act.kind == "replace":
                    _replace_queue(world, rig)
                else:
                    world.perform(act)
            settle(world)
            rig.audit(world)
        except BrokenError as error:
            world.tell(f"broken: {error}")
        witness = world.witness
    return Result(
        broken=witness.broken[0] if witness.broken else None,
        trace=witness.trace,
        steps=world.scheduler.steps,
        checks=witness.checks,
        seconds=time.process_time() - began,
        faults=world.faults,
        met=witness.counters,
    )


def _replace_queue(world: World, rig: Rig) -> None:
    """Empty the event queue, as operators do before they replace it, and begin with another one."""
    settle(world)
    rig.audit(world)
    world.replace_queue()
    world.calm = False


def settle(world: World) -> None:
    """Let everything come to its end: no faults any more, and operators who mend what they can.

    Whoever is frozen stays so for a while: by the time at which it goes on, everything may be over.
    """
    world.tell("calm")
    world.random.seed(0)
    world.calm = True
    world.calm_down()
    thaw_at, acted_at = world.clock.now() + STRAGGLES, 0.0
    for _ in range(PATIENCE):
        started = [world.start(kind, world.random.choice(SKEWS)) for kind in FUNCTIONS]
        world.scheduler.finish()
        world.witness.check()
        if any(started):
            continue
        now, at = world.clock.now(), world.next_at()
        if (acted_at < now or at is None) and world.operate():
            acted_at = now
        elif (at is None or at > thaw_at) and world.scheduler.thaw():
            world.tell("everything goes on")
        elif at is not None:
            world.wait(max(at - now, 0))
        elif not world.end():
            break
    world.witness.expect(not world.left(), "progress", f"still under way is {world.left()}")
