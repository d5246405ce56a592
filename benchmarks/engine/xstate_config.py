"""A reference machine as what XState's `createMachine` is given."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.reference_machines import ReferenceMachine

_WORDS: Final = {"conditions": "guard", "actions": "actions", "after": "actions"}
"""XState has one place for the actions of a transition; no reference machine can tell `after` from it."""


def translate(machine: ReferenceMachine) -> dict[str, Any]:
    """Return the machine as JSON data; names of guards and actions stay names."""
    moves: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for item in machine.transitions:
        move = {"target": f"#{machine.name}.{item['dest']}"}
        move |= {word: item[ours] for ours, word in _WORDS.items() if ours in item}
        moves.setdefault(item["source"], {}).setdefault(item["trigger"], []).append(move)
    root: dict[str, Any] = (
        {"type": "parallel"} if not isinstance(machine.initial, str) else {"initial": machine.initial}
    )
    return {
        "id": machine.name,
        "context": machine.context().model_dump(),
        **root,
        "states": _translate_states(machine.states, "", moves),
    }


def _translate_states(states: Sequence[Any], above: str, moves: Mapping[str, Any]) -> dict[str, Any]:
    translated: dict[str, Any] = {}
    for state in states:
        words: Mapping[str, Any] = {"name": state} if isinstance(state, str) else state
        path = above + words["name"]
        node: dict[str, Any] = {"on": moves[path]} if path in moves else {}
        node |= {slot: words[word] for slot, word in (("entry", "on_enter"), ("exit", "on_exit")) if word in words}
        if "children" in words:
            node |= {
                "initial": words["initial"],
                "states": _translate_states(words["children"], f"{path}.", moves),
            }
        translated[words["name"]] = node
    return translated


def leaves_of(value: str | Mapping[str, Any], above: str = "") -> list[str]:
    """Return the paths of the active leaves of a state value."""
    if isinstance(value, str):
        return [above + value]
    return [leaf for name, below in value.items() for leaf in leaves_of(below, f"{above}{name}.")]
