"""What can move a leaf when nobody sends anything."""

from collections.abc import Callable

from settle.core.bits import iterate
from settle.core.definition import Node, Transition
from settle.core.spec import EVENTLESS
from settle.core.validation.survey import Survey

Counts = Callable[[Transition], bool]


class Movers:
    """Tells for each leaf whether something could move it; worked out once, from the root to the leaves.

    A leaf is moved by what it and the nodes around it run and wait for, by what happens beside it that one of them
    takes, and by what ends the parallel node around both.

    Args:
        survey: of the definition.
        counts: whether the event of a transition may come from elsewhere, at any moment.
    """

    def __init__(self, survey: Survey, counts: Counts) -> None:
        self._survey, self._counts = survey, counts
        size = len(survey.nodes)
        self._moves, self._woken_by, self._ended_by = [False] * size, [0] * size, [0] * size
        ending = self._find_ending()
        for node in survey.nodes:
            above = max(node.parent, 0)
            self._moves[node.index] = self._moves[above] or self._moves_itself(node)
            self._woken_by[node.index] = self._woken_by[above] | self._find_wakers(node)
            self._ended_by[node.index] = self._ended_by[above] | ending[above]

    def can_move(self, leaf: Node) -> bool:
        """Tell whether anything could move a leaf."""
        beside = self._survey.company[leaf.index]
        return self._moves[leaf.index] or bool((self._woken_by[leaf.index] | self._ended_by[leaf.index]) & beside)

    def _moves_itself(self, node: Node) -> bool:
        return bool(node.invokes) or any(
            transition.event == EVENTLESS or transition.delay is not None or self._counts(transition)
            for transition in self._survey.transitions(node)
        )

    def _find_wakers(self, node: Node) -> int:
        """Return the nodes beside which it is moved: they make an event that it takes, or have a child that may."""
        wakers = 0
        for transition in self._survey.transitions(node):
            wakers |= self._survey.find_raisers(transition.event)
            wakers |= self._survey.parents_of_children if transition.event != EVENTLESS else 0
        return wakers

    def _find_ending(self) -> list[int]:
        """Return for each parallel node the nodes inside it that may end all of its regions."""
        ending = [0] * len(self._survey.nodes)
        for transition in self._survey.definition.transitions:
            if self._counts(transition) or self._survey.comes_by_itself(transition):
                for parallel in iterate(self._survey.nodes, self._survey.find_ended(transition)):
                    ending[parallel.index] |= self._survey.source(transition).bit
        return ending
