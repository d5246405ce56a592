"""The acts of a run, all decided beforehand by its seed.

Whatever else has to be decided while an act happens is decided by the act's own number, its `luck`. So any act can be
left out, or have its fault taken away, and those that remain stay what they were: that is how a history is made short.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

FAULTS: Final = ("throttled", "lost", "die before", "die after", "repeated", "partial")
"""What goes wrong with a request. `throttled` has no effect; `lost` has one, and its answer does not come; `repeated`
is a commit whose answer was lost and that the client sent again, so that the condition does not hold any more;
`partial` does half of what one request asks for."""
DEADLY: Final = frozenset({"die before", "die after"})
RATES: Final = (0.0, 0.03, 0.06, 0.12)
"""How many steps have a fault, in different runs."""
MOST_DEATHS: Final = 4
SKEWS: Final = (0.0, 0.0, 0.0, -0.2, 0.2, -2.0, 2.0)
"""How far the clock of a function is off, in seconds. On Lambda it is a few milliseconds."""
MAX_SKEW: Final = 2.0
LUCK_BITS: Final = 32


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens.

    Attributes:
        number: place among the acts of its seed; names what a client sends.
        kind: what it is.
        luck: decides everything else.
        fault: what goes wrong with the request of a step.
        seconds: that pass, or by which the clock of a function is off.
    """

    number: int
    kind: str
    luck: int
    fault: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        parts = [f"{self.number:4} {self.kind}"]
        parts += [f"{self.seconds:g} s"] if self.seconds else []
        parts += [f"<{self.fault}>"] if self.fault else []
        return " ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How often what happens.

    Attributes:
        weights: of the kinds of acts.
        length: fewest and most acts.
        sends: fewest and most acts of clients.
        waits: seconds that may pass at once.
        longest: seconds that may pass altogether.
    """

    weights: dict[str, float]
    length: tuple[int, int]
    sends: tuple[int, int]
    waits: Sequence[float]
    longest: float


def plan(seed: int, workload: Workload) -> tuple[Act, ...]:
    """Decide what happens in the run of a seed."""
    random = Random(seed)  # noqa: S311 - it has to be repeatable
    rate, deaths = random.choice(RATES), random.randint(0, MOST_DEATHS)
    sends, left = random.randint(*workload.sends), workload.longest
    count = random.randint(*workload.length)
    kinds = random.choices([*workload.weights], [*workload.weights.values()], k=count)
    acts: list[Act] = []
    for number, kind in enumerate(kinds):
        act = Act(number, kind, random.getrandbits(LUCK_BITS))
        match kind:
            case "step" if random.random() < rate:
                fault = random.choice([each for each in FAULTS if deaths or each not in DEADLY])
                deaths -= fault in DEADLY
                act = replace(act, fault=fault)
            case "send":
                if not sends:
                    continue
                sends -= 1
            case "wait":
                act = replace(act, seconds=min(random.choice(workload.waits), left))
                left -= act.seconds
            case "consumer" | "forwarder" | "worker":
                act = replace(act, seconds=random.choice(SKEWS))
            case _:
                pass
        acts.append(act)
    return tuple(acts)
