"""Coverage: which states and transitions of a machine no test reached or took."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Self

from settle.core.definition import Definition, Node
from settle.core.macrostep import Microstep
from settle.drawing.describe_transitions import describe_transition
from settle.testing.errors import HIDDEN, CoverageError, TrialError

__tracebackhide__ = HIDDEN

TAKEN: Final = "x"
MISSED: Final = " "


@dataclass(slots=True)
class Footprints:
    """Where a machine has been.

    Attributes:
        entered: paths of states.
        taken: indexes of transitions.
    """

    entered: set[str] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)

    def note(self, report: Microstep) -> None:
        """Take note of a microstep."""
        self.entered.update(report.entered)
        self.taken.update(report.transitions)


class Coverage:
    """What the trials of one machine that begin within its `with` reach and take.

    Args:
        definition: of the machine.
    """

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._footprints: list[Footprints] = []

    def __enter__(self) -> Self:
        _open.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _open.remove(self)

    def watches(self, definition: Definition) -> bool:
        """Whether it is about this very definition."""
        return definition.hash == self._definition.hash and definition.machine == self._definition.machine

    def add(self, footprints: Footprints) -> None:
        """Add those of one trial."""
        self._footprints.append(footprints)

    @property
    def missed_states(self) -> tuple[str, ...]:
        """Paths of the states that no test reached by an event, in document order."""
        entered = set[str]().union(*(each.entered for each in self._footprints))
        return tuple(node.path for node in _states(self._definition) if node.path not in entered)

    @property
    def missed_transitions(self) -> tuple[str, ...]:
        """The transitions that no test took, each as a sentence with its source."""
        taken = set[int]().union(*(each.taken for each in self._footprints))
        return tuple(
            name_transition(self._definition, index)
            for index in range(len(self._definition.transitions))
            if index not in taken
        )

    def table(self) -> str:
        """Return every state and transition, a line each; `[x]` marks those that were reached or taken."""
        missed = {*self.missed_states, *self.missed_transitions}
        names = [*list_states(self._definition), *list_transitions(self._definition)]
        return "\n".join(f"[{MISSED if name in missed else TAKEN}] {name}" for name in names)

    def check(self, *, but: Collection[str] = ()) -> None:
        """Fail unless every state was reached and every transition taken.

        Args:
            but: those that may be missed, as they are named here.

        Raises:
            CoverageError: names what was missed.
            TrialError: something that may be missed does not exist, or was not missed: leave it out.
        """
        if isinstance(but, str):
            raise TrialError(f"`but` is a list of what may be missed; write but=[{but!r}]")
        missed = (*self.missed_states, *self.missed_transitions)
        stale = [each for each in but if each not in missed]
        if stale:
            raise TrialError(f"{stale[0]!r} was reached or taken, or is not there; leave it out of `but`")
        left = [each for each in missed if each not in but]
        if left:
            raise CoverageError(self._definition.machine, left)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        missed = (*self.missed_states, *self.missed_transitions)
        return f"<Coverage of {self._definition.machine}: {len(missed)} missed: {'; '.join(missed)}>"


_open: list[Coverage] = []


def begin_footprints(definition: Definition) -> Footprints:
    """Return new footprints for a trial, and add them to what is being collected."""
    footprints = Footprints()
    for coverage in _open:
        if coverage.watches(definition):
            coverage.add(footprints)
    return footprints


def name_transition(definition: Definition, index: int) -> str:
    """Return a transition as a sentence, with its source in front."""
    transition = definition.transitions[index]
    source = definition.nodes[transition.source].path or definition.machine
    return f"{source}: {describe_transition(definition, transition)}"


def _states(definition: Definition) -> tuple[Node, ...]:
    """Return what can be entered: neither the machine itself nor history nodes."""
    return tuple(node for node in definition.nodes if node.index and not node.kind.is_history)


def list_states(definition: Definition) -> tuple[str, ...]:
    """Return the paths of all states, in document order."""
    return tuple(node.path for node in _states(definition))


def list_transitions(definition: Definition) -> tuple[str, ...]:
    """Return all transitions as sentences, in document order."""
    return tuple(name_transition(definition, index) for index in range(len(definition.transitions)))
