"""What a failing seed shows: the shortest history found that breaks the same promise, and what happened in it."""

from typing import Final

from tests.simulation.run import Result, plan_of, rig_of, run
from tests.simulation.shrink import SHRINK_SECONDS, Acts, Shrinker

SHOWN: Final = 250
"""Lines of what happened that are shown."""


def tell_failure(seed: int, result: Result, *, seconds: float = SHRINK_SECONDS) -> str:
    """Return what led to the promise that a seed broke, made as short as it goes in so many seconds."""
    assert result.broken is not None
    kind, promise = rig_of(seed), result.broken[0]

    def fails(acts: Acts) -> bool:
        broken = run(kind, acts).broken
        return broken is not None and broken[0] == promise

    whole = plan_of(seed)
    shrinker = Shrinker(fails, seconds)
    acts = shrinker.shrink(whole)
    last = run(kind, acts)
    return "\n".join(
        [
            f"seed {seed} ({kind}) breaks a promise; SEED={seed} shows it again",
            f"{len(acts)} of its {len(whole)} acts are enough, found in {shrinker.tries} tries:",
            *(str(act) for act in acts),
            "what happens:",
            *last.trace[-SHOWN:],
            ": ".join(last.broken or ()),
        ]
    )
