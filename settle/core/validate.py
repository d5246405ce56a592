"""What can be said about a definition without running it.

Errors are mistakes that no run could survive; warnings are what a careful reader would ask about. Each finding says the
mend. An author silences one, with a reason, by its code or by `code@node`.
"""

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from itertools import chain
from typing import Final

from settle.core.definition import Definition, Node, Transition
from settle.core.errors import Finding
from settle.core.reachability import find_entered, find_leaves, find_reachable, may_run_together
from settle.core.selection import matches
from settle.core.spec import EVENTLESS, REJECTED, SETTLED, NodeKind

DONE_STATE: Final = "done.state."
DONE_INVOKE: Final = "done.invoke."
ERROR_INVOKE: Final = "error.invoke."


def validate_definition(definition: Definition) -> tuple[Finding, ...]:
    """Return every finding, in document order within each rule."""
    return tuple(chain.from_iterable(rule(definition) for rule in _RULES))


# Nodes ---------------------------------------------------------------------------------------------------------------


def _check_reachable(definition: Definition) -> Iterator[Finding]:
    """Name the outermost node of each part that nothing leads to."""
    reachable = find_reachable(definition)
    for node in definition.nodes:
        if not reachable & node.bit and reachable >> node.parent & 1:
            message = "nothing leads to it; give some transition this target, or remove it"
            yield _warning("unreachable-node", node, message)


def _check_final(definition: Definition) -> Iterator[Finding]:
    for node in definition.nodes:
        if node.kind is not NodeKind.FINAL:
            continue
        if node.transitions or node.children:
            message = "a final node is the end: it has no transitions and no child nodes; drop them, or drop `final`"
            yield _error("final-node-continues", node, message)
        if node.invokes:
            message = "a final node is the end: its service would never be heard; put it on a node before"
            yield _error("final-node-invokes", node, message)


def _check_rejected(definition: Definition) -> Iterator[Finding]:
    first = find_entered(definition, [0])
    for node in definition.nodes:
        if REJECTED not in node.tags:
            continue
        if first & node.bit:
            message = "a new instance would be refused at once; begin at another node, or drop the tag `rejected`"
            yield _error("rejected-initially", node, message)
        if node.invokes or node.transitions or node.entry:
            message = (
                "nothing of a run that ends at a `rejected` node is kept; drop its services, transitions and `on_enter`"
            )
            yield _warning("rejected-node-acts", node, message)


# Settling ------------------------------------------------------------------------------------------------------------


def _check_settles(definition: Definition) -> Iterator[Finding]:
    """Find leaves that keep an instance busy for ever: not settled, and with nothing that could move them."""
    if not definition.uses_settled:
        return
    reachable = find_reachable(definition)
    for node in definition.nodes:
        waits = node.effective_tags & {SETTLED, REJECTED}
        if node.kind is not NodeKind.ATOMIC or waits or not reachable & node.bit:
            continue
        if not any(_moves_by_itself(definition, holder, node) for holder in _lineage(definition, node)):
            message = "tag it `settled` if it waits for the outside, or give it a service or an `always`"
            yield _error("never-settles", node, message)


def _moves_by_itself(definition: Definition, holder: Node, leaf: Node) -> bool:
    if holder.invokes:
        return True
    transitions = [definition.transitions[index] for index in holder.transitions]
    return any(t.event == EVENTLESS or _is_woken(definition, t, leaf) for t in transitions)


def _is_woken(definition: Definition, transition: Transition, leaf: Node) -> bool:
    """Whether another region's service or end raises an event that this transition takes."""
    for node in definition.nodes:
        if not may_run_together(definition, node.index, leaf.index):
            continue
        raised = [event for invoke in node.invokes for event in (DONE_INVOKE + invoke.id, ERROR_INVOKE + invoke.id)]
        if node.kind in {NodeKind.COMPOUND, NodeKind.PARALLEL}:
            raised.append(DONE_STATE + node.path)
        if any(matches(transition.event, event) for event in raised):
            return True
    return False


def _check_settled_invokes(definition: Definition) -> Iterator[Finding]:
    for node in definition.nodes:
        if not node.invokes:
            continue
        resting = next((leaf for leaf in _leaves_of(definition, node) if SETTLED in leaf.effective_tags), None)
        if SETTLED in node.effective_tags:
            message = "a settled node waits for the outside, yet it runs a service; move the service to one before it"
            yield _error("settled-node-invokes", node, message)
        elif resting is not None:
            message = f"its service runs while {resting.path!r} rests; drop that tag `settled`, or move the service"
            yield _error("settled-node-invokes", node, message)


def _leaves_of(definition: Definition, node: Node) -> Iterable[Node]:
    return find_leaves(definition, node.bit | node.within)


# Transitions ---------------------------------------------------------------------------------------------------------


def _check_service_errors(definition: Definition) -> Iterator[Finding]:
    for node in definition.nodes:
        for invoke in node.invokes:
            event = ERROR_INVOKE + invoke.id
            holders = _lineage(definition, node)
            if not any(matches(definition.transitions[t].event, event) for n in holders for t in n.transitions):
                message = f"nothing takes {event!r} when its service fails for good; add `on_error` to the invoke"
                yield _warning("unhandled-service-error", node, message)


def _check_done_events(definition: Definition) -> Iterator[Finding]:
    for transition in definition.transitions:
        event, node = transition.event, definition.nodes[transition.source]
        if event.endswith("*"):
            continue
        for prefix in (DONE_INVOKE, ERROR_INVOKE):
            if event.startswith(prefix) and event.removeprefix(prefix) not in definition.invokes:
                hint = _suggest(event.removeprefix(prefix), definition.invokes)
                message = f"it waits for {event!r}, but no invoke has that id{hint}; correct the id"
                yield _error("unknown-done-event", node, message)
        if event.startswith(DONE_STATE):
            yield from _check_done_state(definition, node, event.removeprefix(DONE_STATE))


def _check_done_state(definition: Definition, node: Node, path: str) -> Iterator[Finding]:
    if not path or path not in definition.numbers:
        message = f"it waits for the end of {path!r}, but there is no such node{_suggest(path, definition.numbers)}"
        yield _error("unknown-done-event", node, f"{message}; correct the path")
    elif not _can_be_done(definition, definition.nodes[definition.numbers[path]]):
        message = f"it waits for the end of {path!r}, which has no final child; mark the last one `final`"
        yield _error("never-done", node, message)


def _can_be_done(definition: Definition, node: Node) -> bool:
    children = [definition.nodes[child] for child in node.children]
    if node.kind is NodeKind.PARALLEL:
        return all(_can_be_done(definition, child) for child in children)
    return any(child.kind is NodeKind.FINAL for child in children)


def _check_shadowed(definition: Definition) -> Iterator[Finding]:
    for node in definition.nodes:
        certain: list[str] = []
        for transition in (definition.transitions[index] for index in node.transitions):
            if any(matches(event, transition.event) for event in certain):
                what = repr(transition.event) if transition.event else "an eventless transition"
                message = f"it has {what} after one that always takes it; guard the first, or put it last"
                yield _warning("shadowed-transition", node, message)
            elif not transition.guards:
                certain.append(transition.event)


def _check_unused_events(definition: Definition) -> Iterator[Finding]:
    used = {transition.event for transition in definition.transitions}
    for event in definition.events:
        if not any(matches(descriptor, event) for descriptor in used):
            hint = _suggest(event, used - {EVENTLESS})
            message = f"`events` declares {event!r}, which no transition takes{hint}; correct the name, or drop it"
            yield Finding(code="unused-event", message=message, severity="warning")


def _check_eventless_cycles(definition: Definition) -> Iterator[Finding]:
    """Find leaves from which transitions that nothing can stop lead back to themselves."""
    certain: dict[int, set[int]] = {}
    for leaf in find_leaves(definition, find_reachable(definition)):
        transition = _first_eventless(definition, leaf)
        if transition is None or transition.guards or _enters_history(definition, transition):
            continue
        certain[leaf.index] = {
            node.index for node in find_leaves(definition, _entered_by(definition, transition, leaf))
        }
    seen: set[int] = set()
    for start in certain:
        cycle = _find_cycle(certain, start)
        if cycle and not seen & set(cycle):
            seen |= set(cycle)
            way = " -> ".join(definition.nodes[index].path for index in (*cycle, cycle[0]))
            message = f"its eventless transitions go round for ever ({way}); guard one of them"
            yield _error("eventless-cycle", definition.nodes[start], message)


def _entered_by(definition: Definition, transition: Transition, leaf: Node) -> int:
    """Return what a transition enters; other regions, which it leaves alone, are not part of it."""
    if not transition.targets:
        return leaf.bit
    return find_entered(definition, transition.targets) & definition.nodes[transition.domain].within


def _first_eventless(definition: Definition, leaf: Node) -> Transition | None:
    numbers = chain.from_iterable(holder.transitions for holder in _lineage(definition, leaf))
    transitions = (definition.transitions[number] for number in numbers)
    return next((transition for transition in transitions if transition.event == EVENTLESS), None)


def _enters_history(definition: Definition, transition: Transition) -> bool:
    return any(definition.nodes[target].kind.is_history for target in transition.targets)


def _find_cycle(edges: dict[int, set[int]], start: int) -> list[int]:
    """Return the leaves on a way from start back to start, or nothing."""
    ways = [[start]]
    visited: set[int] = set()
    while ways:
        way = ways.pop()
        for following in sorted(edges.get(way[-1], ())):
            if following == start:
                return way
            if following not in visited:
                visited.add(following)
                ways.append([*way, following])
    return []


# Helpers -------------------------------------------------------------------------------------------------------------


def _lineage(definition: Definition, node: Node) -> tuple[Node, ...]:
    return (node, *(definition.nodes[ancestor] for ancestor in node.ancestors))


def _error(code: str, node: Node, message: str) -> Finding:
    return Finding(code=code, node=node.path, message=message)


def _warning(code: str, node: Node, message: str) -> Finding:
    return Finding(code=code, node=node.path, message=message, severity="warning")


def _suggest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, [candidate for candidate in known if candidate], n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


_RULES: Final[tuple[Callable[[Definition], Iterator[Finding]], ...]] = (
    _check_reachable,
    _check_final,
    _check_rejected,
    _check_settles,
    _check_settled_invokes,
    _check_service_errors,
    _check_done_events,
    _check_shadowed,
    _check_unused_events,
    _check_eventless_cycles,
)
