"""The log of a trial: what was done to the instances of one world, and what came of it."""

from dataclasses import dataclass, field
from typing import Final

from settle.testing.history import HistoryStep

TELLING: Final = frozenset({"resume", "retry", "skip"})
"""What operators do that decides about an event."""


@dataclass(slots=True)
class Log:
    """What was done to the instances of one world.

    Attributes:
        steps: in order.
        blocks: what is known to block which instance, so that it is said once.
    """

    steps: list[HistoryStep] = field(default_factory=list)
    blocks: dict[str, object] = field(default_factory=dict)

    def story(self) -> str:
        """Return every step and what came of it, a line each."""
        return "\n".join(f"{number}. {_tell(step)}" for number, step in enumerate(self.steps, 1))


def _tell(step: HistoryStep) -> str:
    if not step.then.get("exists", True):
        outcome = step.then.get("outcome")
        return f"{step} -> {f'{outcome}, ' if outcome else ''}not there"
    outcome, reason = step.then["outcome"], step.then["reason"]
    says = outcome is not None and (step.do in {"send", "edit"} or step.given.get("action") in TELLING)
    told = f"{outcome}{f' by {reason}' if reason else ''}, " if says else ""
    state = step.then["state"]
    failed = "".join(f"; {each.name} raised {each.raised}" for each in step.services if each.raised)
    return f"{step} -> {told}at {', '.join(map(str, state)) if isinstance(state, list) else state}{failed}"
