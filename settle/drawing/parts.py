"""What a drawing and a description both say about the parts of a definition."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from settle.core.conditions import AllOf
from settle.core.definition import Definition, Node, Transition
from settle.core.delay import format_duration
from settle.core.event import DONE_INVOKE, DONE_STATE, ERROR_INVOKE
from settle.core.spec import (
    ANY_EVENT,
    BACKGROUND_TIMEOUT_SECONDS,
    EVENTLESS,
    INLINE_TIMEOUT_SECONDS,
    REJECTED,
    SEPARATOR,
    SERVICE_ATTEMPTS,
    SETTLED,
    Action,
    InvokeSpec,
    NodeKind,
)

_LONGEST_VALUE: Final = 60


class Cause(Enum):
    """What sets a transition off."""

    EVENT = auto()
    ANY_EVENT = auto()
    ALWAYS = auto()
    DELAY = auto()
    STATE_DONE = auto()
    SERVICE_DONE = auto()
    SERVICE_FAILED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What sets a transition off, and its name.

    Attributes:
        name: event type, delay, path of the node or name of the service; empty for the holder's own end.
    """

    cause: Cause
    name: str = ""


def trigger_of(definition: Definition, transition: Transition) -> Trigger:
    """Tell what sets a transition off."""
    event = transition.event
    if transition.delay is not None:
        return Trigger(cause=Cause.DELAY, name=transition.delay.name)
    if event == EVENTLESS:
        return Trigger(cause=Cause.ALWAYS)
    if event == ANY_EVENT:
        return Trigger(cause=Cause.ANY_EVENT)
    if event.startswith(DONE_STATE):
        path = event.removeprefix(DONE_STATE)
        own = path == definition.nodes[transition.source].path
        return Trigger(cause=Cause.STATE_DONE, name="" if own else path)
    for prefix, cause in ((DONE_INVOKE, Cause.SERVICE_DONE), (ERROR_INVOKE, Cause.SERVICE_FAILED)):
        if event.startswith(prefix):
            return Trigger(cause=cause, name=_service_heard(definition, transition, event.removeprefix(prefix)))
    return Trigger(cause=Cause.EVENT, name=event)


def _service_heard(definition: Definition, transition: Transition, invoke_id: str) -> str:
    """Return the name under which the holder of a transition knows a service: of its own the name, of others the id."""
    own = [invoke for invoke in definition.nodes[transition.source].invokes if invoke.id == invoke_id]
    return service_name(definition.nodes[transition.source], own[0]) if own else invoke_id


def service_name(node: Node, invoke: InvokeSpec) -> str:
    """Return what tells an invoke from the others of its node: an id that somebody chose, else its service."""
    given = invoke.id != node.path and not invoke.id.startswith(f"{node.path}{SEPARATOR}")
    alone = [other.src for other in node.invokes].count(invoke.src) == 1
    return invoke.id if given or not alone else invoke.src


def has_own_limits(invoke: InvokeSpec) -> bool:
    """Tell whether a service has a timeout or attempts of its own."""
    timeout = BACKGROUND_TIMEOUT_SECONDS if invoke.background else INLINE_TIMEOUT_SECONDS
    return not invoke.machine and (invoke.timeout, invoke.attempts) != (timeout, SERVICE_ATTEMPTS)


def in_background(invoke: InvokeSpec) -> str:
    """Return that a service runs in the background, and for how long at most; nothing for any other."""
    return f"in the background for at most {format_duration(invoke.deadline)}" if invoke.background else ""


# Transitions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """When a transition is taken, among those of its node that the same event sets off.

    Attributes:
        is_else: whether one before it is asked first.
        condition: what must hold; empty when nothing must.
    """

    is_else: bool
    condition: str


def choice_of(definition: Definition, transition: Transition) -> Choice:
    """Tell when a transition is taken."""
    others = (definition.transitions[index] for index in definition.nodes[transition.source].transitions)
    is_else = any(other.event == transition.event and other.index < transition.index for other in others)
    guards = transition.guards
    condition = str(AllOf(guards)) if len(guards) > 1 else "".join(map(str, guards))
    return Choice(is_else=is_else, condition=condition)


def actions_of(transition: Transition) -> tuple[Action, ...]:
    """Return its actions in the order in which they run."""
    return (*transition.before, *transition.actions, *transition.after)


def action_names(actions: Iterable[Action]) -> str:
    """Return actions as text: `note, count(by=2)`."""
    return ", ".join(_with_params(action) for action in actions)


def _with_params(action: Action) -> str:
    if not action.params:
        return action.name
    return f"{action.name}({', '.join(f'{key}={value!r}' for key, value in action.params.items())})"


def find_restarted(definition: Definition, transition: Transition) -> int | None:
    """Return the node around its targets, if there is one, that a transition leaves and enters again."""
    domain, targets = transition.domain, transition.targets
    if domain in {-1, transition.source}:
        return None
    if definition.nodes[domain].kind is NodeKind.PARALLEL:
        return domain
    left = definition.nodes[child_towards(definition, domain, transition.source)]
    return left.index if all(target == left.index or left.within >> target & 1 for target in targets) else None


# Nodes ---------------------------------------------------------------------------------------------------------------


def name_of(definition: Definition, node: Node) -> str:
    """Return the last part of a node's path; the machine's name for the machine itself."""
    return node.path.rpartition(SEPARATOR)[2] or definition.machine


def child_towards(definition: Definition, around: int, index: int) -> int:
    """Return the child of a node that is another one, or holds it."""
    while definition.nodes[index].parent != around:
        index = definition.nodes[index].parent
    return index


def path_text(definition: Definition, node: Node, near: Node) -> str:
    """Return a node's name when it is a sibling or a child of another one, else its path."""
    is_near = node.parent in {near.parent, near.index}
    return name_of(definition, node) if is_near or not node.index else node.path


def waits(definition: Definition, node: Node) -> bool:
    """Tell whether an instance rests in a node, which is not an end, until something comes from outside."""
    if node.kind is not NodeKind.ATOMIC or REJECTED in node.tags:
        return False
    if definition.uses_settled:
        return SETTLED in node.effective_tags
    around = (node, *(definition.nodes[index] for index in node.ancestors))
    return not any(_runs_inline(holder) or _passes_on(definition, holder) for holder in around)


def _runs_inline(node: Node) -> bool:
    return any(invoke.inline for invoke in node.invokes)


def _passes_on(definition: Definition, node: Node) -> bool:
    transitions = (definition.transitions[index] for index in node.transitions)
    return any(transition.event == EVENTLESS and not transition.guards for transition in transitions)


def other_tags(node: Node) -> list[str]:
    """Return a node's own tags that have no meaning to the runtime."""
    return sorted(node.tags - {SETTLED, REJECTED})


def output_text(value: Any) -> str:  # noqa: ANN401 - JSON data or a function
    """Return an output as text: the name of what computes it, or the value, cut when it is long."""
    if callable(value):
        name = str(getattr(value, "__name__", ""))
        return name if name.isidentifier() else "a computed value"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
