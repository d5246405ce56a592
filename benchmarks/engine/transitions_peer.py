"""`transitions`: one HierarchicalMachine for all events, a bare model object for each."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from transitions.extensions.nesting import HierarchicalMachine, NestedState

from benchmarks.engine.context_model import ContextModel
from benchmarks.engine.lanes import Timer, in_process
from benchmarks.engine.peers import Peer
from benchmarks.reference_machines import ReferenceMachine


class _State(NestedState):
    separator = "."


class _Machine(HierarchicalMachine):
    state_cls = _State


class _Model(ContextModel):
    """What `transitions` moves: the state beside the context."""

    def __init__(self, state: str | list[str], context: dict[str, Any]) -> None:
        super().__init__(context)
        self.state = state


def find_transitions() -> Peer:
    """Return the peer; it is always there, because the authoring front end needs it."""
    return Peer(name=f"transitions {version('transitions')}, one HierarchicalMachine", prepare=_prepare)


def _prepare(machine: ReferenceMachine) -> Timer:
    shared = _Machine(
        model=None,
        **_translate(machine),
        auto_transitions=False,
        ignore_invalid_triggers=True,
    )

    def run() -> str:
        text = begin
        for event in machine.events:
            data = json.loads(text)
            model = _Model(data["state"], data["context"])
            shared.trigger_event(model, event)
            text = json.dumps({"state": model.state, "context": model.context})
        return text

    first = _Model("", machine.context().model_dump())
    shared.add_model(first)
    shared.remove_model(first)
    begin = json.dumps({"state": first.state, "context": first.context})
    last = json.loads(run())
    leaves = [last["state"]] if isinstance(last["state"], str) else last["state"]
    machine.check([leaf.removeprefix(f"{machine.name}.") for leaf in leaves], last["context"])
    return in_process(run)


def _translate(machine: ReferenceMachine) -> dict[str, Any]:
    """Return its words. Regions get a parallel state around them: without it an event is taken once for each region."""
    moves = [_without_actions(item) for item in machine.transitions]
    if isinstance(machine.initial, str):
        return {"initial": machine.initial, "states": machine.states, "transitions": moves}
    around = f"{machine.name}."
    return {
        "initial": machine.name,
        "states": [{"name": machine.name, "parallel": machine.states}],
        "transitions": [{**move, "source": around + move["source"], "dest": around + move["dest"]} for move in moves],
    }


def _without_actions(item: Mapping[str, Any]) -> dict[str, Any]:
    """Move the actions between leaving and entering, for which `transitions` has no place, before the leaving."""
    return {"before" if word == "actions" else word: value for word, value in item.items()}
