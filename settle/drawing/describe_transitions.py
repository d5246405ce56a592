"""What a transition does, in words."""

from typing import Final

from settle.core.definition import Definition, Node, Transition
from settle.drawing.describe_nodes import listed
from settle.drawing.parts import (
    Cause,
    Trigger,
    action_names,
    actions_of,
    choice_of,
    find_restarted,
    name_of,
    trigger_of,
)

_TRIGGERS: Final = {
    Cause.EVENT: "{name}",
    Cause.ANY_EVENT: "any event",
    Cause.ALWAYS: "at once",
    Cause.DELAY: "after {name}",
    Cause.STATE_DONE: "when {name} is done",
    Cause.SERVICE_DONE: "when {name} is done",
    Cause.SERVICE_FAILED: "when {name} fails",
}


def describe_transition(definition: Definition, transition: Transition) -> str:
    """Return a transition as a sentence: `PAY, if has_items: goes to paid, doing note`."""
    source = definition.nodes[transition.source]
    actions = action_names(actions_of(transition))
    what = _describe_move(definition, transition, source)
    doing = f", doing {actions}" if actions else ""
    return f"{_describe_reason(definition, transition, source)}: {what}{doing}"


def _describe_reason(definition: Definition, transition: Transition, source: Node) -> str:
    trigger = trigger_of(definition, transition)
    if trigger == Trigger(cause=Cause.STATE_DONE):
        trigger = Trigger(cause=Cause.STATE_DONE, name=name_of(definition, source))
    choice = choice_of(definition, transition)
    reason = _TRIGGERS[trigger.cause].format(name=trigger.name)
    if choice.is_else:
        return f"{reason}, else if {choice.condition}" if choice.condition else f"{reason}, otherwise"
    return f"{reason}, if {choice.condition}" if choice.condition else reason


def _describe_move(definition: Definition, transition: Transition, source: Node) -> str:
    targets, restarted = transition.targets, find_restarted(definition, transition)
    if not targets:
        return "stays"
    if restarted is not None:
        what = "begins" if restarted == source.index else f"begins {listed(definition, (restarted,), source)}"
        return f"{what} again" if targets == (restarted,) else f"{what} again, at {listed(definition, targets, source)}"
    if targets == (source.index,):
        return "stays" if source.is_leaf else f"goes back to where {name_of(definition, source)} begins"
    return f"goes to {listed(definition, targets, source)}"
