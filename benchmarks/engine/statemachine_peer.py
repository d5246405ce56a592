"""`python-statemachine`: one instance for all events, set to the stored configuration before each.

The usual way to restore an instance is to make a new one over a model that holds the state. That resolves every
callback of the machine again, which takes half as long as an event of the flat machine, as long as one of `order`, and
more than ten times as long as one of the large machine. Setting `current_state_value` costs next to nothing.
"""

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

from benchmarks.engine.context_model import ContextModel
from benchmarks.engine.lanes import Timer, in_process
from benchmarks.engine.peers import Missing, Peer
from benchmarks.reference_machines import ReferenceMachine


def find_statemachine() -> Peer | Missing:
    """Return the peer, if it is installed."""
    try:
        import_module("statemachine")
    except ImportError:
        reason = "not installed; `pip install -r benchmarks/requirements.txt` brings it"
        return Missing(name="python-statemachine", reason=reason)
    return Peer(name=f"python-statemachine {version('python-statemachine')}, one instance", prepare=_prepare)


class _Model(ContextModel):
    state: Any = None


def _prepare(machine: ReferenceMachine) -> Timer:
    # Imported by name: it need not be installed, neither to run the benchmark nor to check its types.
    ordered_set = import_module("statemachine.orderedset").OrderedSet
    build = import_module("statemachine.io").create_machine_class_from_definition
    model = _Model(machine.context().model_dump())
    chart = build(machine.name.title(), states=_translate(machine))(model)

    def write() -> str:
        return json.dumps({"state": list(chart.configuration_values), "context": model.context})

    def run() -> str:
        text = begin
        for event in machine.events:
            data = json.loads(text)
            chart.current_state_value = ordered_set(data["state"])
            model.context = data["context"]
            chart.send(event)
            text = write()
        return text

    begin = write()
    last = json.loads(run())
    leaves = [path for path in _leaf_paths(machine.states) if _name(path) in last["state"]]
    machine.check(leaves, last["context"])
    return in_process(run)


# Translation ---------------------------------------------------------------------------------------------------------


def _name(path: str) -> str:
    """Return what a state is called there: an identifier, and unlike any attribute of a chart."""
    return path.replace(".", "_")


def _translate(machine: ReferenceMachine) -> dict[str, Any]:
    """Write the machine as its dictionaries want it: states by name, each with the transitions that it holds."""
    moves: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for item in machine.transitions:
        move = {"target": _name(item["dest"]), "on": item.get("actions"), "cond": item.get("conditions")}
        move["after"] = item.get("after")
        moves.setdefault(item["source"], {}).setdefault(item["trigger"], []).append(move)
    states = _translate_states(machine.states, machine.initial, "", moves)
    if isinstance(machine.initial, str):
        return states
    return {machine.name: {"parallel": True, "initial": True, "states": states}}


def _translate_states(
    states: Sequence[Any], initial: str | Sequence[str], above: str, moves: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    translated: dict[str, Any] = {}
    for state in states:
        words: Mapping[str, Any] = {"name": state} if isinstance(state, str) else state
        path = above + words["name"]
        node: dict[str, Any] = {"initial": words["name"] == initial, "on": dict(moves.get(path, {}))}
        node |= {slot: words[word] for slot, word in (("enter", "on_enter"), ("exit", "on_exit")) if word in words}
        if "children" in words:
            node["states"] = _translate_states(words["children"], words["initial"], f"{path}.", moves)
        translated[_name(path)] = node
    return translated


def _leaf_paths(states: Sequence[Any], above: str = "") -> list[str]:
    paths: list[str] = []
    for state in states:
        if isinstance(state, str):
            paths.append(above + state)
        else:
            paths += _leaf_paths(state["children"], f"{above}{state['name']}.")
    return paths
