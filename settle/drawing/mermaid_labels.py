"""What stands at the arrows of a diagram: `EVENT [condition] / actions`, and where in a box they begin and end."""

from collections.abc import Sequence
from typing import Final

from settle.core.definition import Definition, Transition
from settle.core.spec import SEPARATOR, NodeKind
from settle.drawing.mermaid_text import LABEL_WIDTH, LINE_BREAK, wrap
from settle.drawing.parts import Cause, Choice, action_names, actions_of, choice_of, find_restarted, trigger_of

HISTORY_MARKS: Final = {NodeKind.SHALLOW_HISTORY: "(H)", NodeKind.DEEP_HISTORY: "(H*)"}
_TRIGGERS: Final = {
    Cause.EVENT: "{name}",
    Cause.ANY_EVENT: "any event",
    Cause.ALWAYS: "always",
    Cause.DELAY: "⏱ after {name}",
    Cause.STATE_DONE: "done {name}",
    Cause.SERVICE_DONE: "done {name}",
    Cause.SERVICE_FAILED: "error {name}",
}


def label_of(definition: Definition, transition: Transition) -> str:
    """Return what stands at a transition: when it is taken, then in lines of their own what it does and restarts."""
    trigger = trigger_of(definition, transition)
    words = _TRIGGERS[trigger.cause].format(name=trigger.name).rstrip()
    condition = _condition(choice_of(definition, transition))
    lines = [f"{words} {condition}"] if len(words) + len(condition) < LABEL_WIDTH else [words, condition]
    actions = action_names(actions_of(transition))
    lines += [f"/ {actions}" if actions else "", _restarts(definition, transition)]
    return LINE_BREAK.join(wrap(line.rstrip()) for line in lines if line)


def _restarts(definition: Definition, transition: Transition) -> str:
    """Return what a transition leaves and enters again around its targets; nothing when there is no such node."""
    restarted = find_restarted(definition, transition)
    if restarted is None:
        return ""
    return "begins again" if restarted == transition.source else f"begins {place(definition, restarted, 0)} again"


def _condition(choice: Choice) -> str:
    if choice.is_else:
        return f"[else if {choice.condition}]" if choice.condition else "[else]"
    return f"[{choice.condition}]" if choice.condition else ""


def into(definition: Definition, end: int, targets: Sequence[int]) -> list[str]:
    """Return what says where inside its end an arrow leads; nothing when the end is all of it."""
    return [] if tuple(targets) == (end,) else [f"into {places(definition, targets, end)}"]


def places(definition: Definition, targets: Sequence[int], around: int) -> str:
    """Return nodes by their paths from a node around all of them: `left.b and right.y`."""
    return " and ".join(place(definition, target, around) for target in targets)


def place(definition: Definition, index: int, around: int) -> str:
    """Return a node by its path from a node around it; a history node by its mark, after the node that it restores."""
    node = definition.nodes[index]
    if node.kind.is_history:
        owner = place(definition, node.parent, around) if node.parent != around else ""
        return f"{owner} {HISTORY_MARKS[node.kind]}".lstrip()
    outer = definition.nodes[around].path
    return (node.path.removeprefix(f"{outer}{SEPARATOR}") if outer else node.path) or definition.machine
