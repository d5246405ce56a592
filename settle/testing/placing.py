"""Placing: a machine that stands, from its first moment on, where a test wants it to.

The instance is created as any other is, by a message and by the consumer; only its initial entry is another one. The
interpreter remembers each microstep that it has worked out, and here it is told that one beforehand: the wanted states
are entered with their timers, services and children, and without their entry actions, because the context is given as
it would be after them. Every later microstep is the machine's own.
"""

from collections.abc import Sequence
from dataclasses import replace

from settle.authoring.findings import did_you_mean
from settle.core.definition import Definition
from settle.core.interpreter import START_EVENT
from settle.core.macrostep import Microstep
from settle.core.plan import plan_microstep
from settle.core.spec import NodeKind
from settle.testing.errors import HIDDEN, TrialError

__tracebackhide__ = HIDDEN


def place(definition: Definition, paths: Sequence[str]) -> Definition:
    """Return a definition, with the same hash, that begins in some states.

    Args:
        definition: as it is.
        paths: of the states; one further in for each compound state that is not to begin by default, and one for each
            region of a parallel one.

    Raises:
        TrialError: there is no such state, or they are never active together.
    """
    wanted = _find_wanted(definition, paths)
    bent = replace(
        definition,
        nodes=tuple(
            replace(node, initial=tuple(child for child in node.children if wanted >> child & 1) or node.initial)
            if node.kind is NodeKind.COMPOUND
            else node
            for node in definition.nodes
        ),
    )
    plan = plan_microstep(bent, 0, (), START_EVENT, {})
    entered = tuple(
        replace(entering, node=definition.nodes[entering.node.index], blocks=()) for entering in plan.entered
    )
    placed = replace(definition)
    # Nobody got there by an event, so nothing is said to have been entered.
    placed.memo.plans[0, (), START_EVENT, ()] = replace(
        plan, entered=entered, report=Microstep(event=START_EVENT), quiet=not entered
    )
    return placed


def _find_wanted(definition: Definition, paths: Sequence[str]) -> int:
    """Return the wanted states and those around them, as bits."""
    wanted = 0
    for path in paths:
        if not isinstance(path, str):
            raise TrialError(f"in_state('a', 'b') takes the paths of states one by one, as text, and not {path!r}")
        number = definition.numbers.get(path)
        if not path or number is None or definition.nodes[number].kind.is_history:
            known = [node.path for node in definition.nodes if node.index and not node.kind.is_history]
            inner = [each for each in known if each.endswith(f".{path}")]
            hint = f"; did you mean {' or '.join(map(repr, inner))}" if inner else did_you_mean(path, known)
            if number and path:
                hint = ": it is a history, which is never active; name the state that it would lead to"
            hint = hint or f"; there is {', '.join(known)}"
            raise TrialError(f"{definition.machine} has no state {path!r} to be in{hint}")
        wanted |= definition.nodes[number].bit | definition.nodes[number].up
    for node in definition.nodes:
        chosen = [definition.nodes[child].path for child in node.children if wanted >> child & 1]
        if node.kind is NodeKind.COMPOUND and len(chosen) > 1:
            raise TrialError(f"{chosen[0]!r} and {chosen[1]!r} are never active together; name one of them")
    return wanted
