"""A machine as JSON may come from anybody. It names functions; it reaches what it is offered, and nothing else."""

import json
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from settle import DefinitionError, Statechart
from settle.authoring.xstate.values import MAX_DOCUMENT_CHARACTERS
from settle.core.codec import PlainCodec
from settle.core.compile import compile_machine
from settle.core.json_text import LONGEST_NUMBER
from settle.core.spec import MAX_DEPTH, MAX_NODES, MAX_TRANSITIONS, MachineSpec, NodeKind, NodeSpec, TransitionSpec
from settle.core.suggestion import LONGEST_NAME, MAX_CANDIDATES, find_closest

PYTHONS_OWN = (
    "__class__",
    "__init__",
    "__new__",
    "__init_subclass__",
    "__subclasses__",
    "__reduce__",
    "mro",
    "__doc__",
)
ROLES: dict[str, Any] = {
    "action": lambda name: {"entry": name},
    "guard": lambda name: {"on": {"E": {"target": "b", "guard": name}}},
    "service": lambda name: {"invoke": {"src": name, "onDone": "b", "onError": "b"}},
    "delay": lambda name: {"after": {name: "b"}},
}


class Offered:
    """What a document is offered, with something of its own that it is not."""

    @staticmethod
    def note(*_: object) -> None: ...

    @staticmethod
    def _delete_everything(*_: object) -> None: ...


def machine(role: str, name: str) -> str:
    return json.dumps(
        {
            "id": "m",
            "initial": "a",
            "states": {"a": {**ROLES[role](name), "always": {"target": "b", "guard": "note"}}, "b": {"type": "final"}},
        }
    )


def findings(config: Any, implementation: Any = Offered) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        Statechart.from_xstate(config, implementation=implementation)
    return [finding.code for finding in caught.value.findings]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", PYTHONS_OWN)
@pytest.mark.parametrize(
    "implementation", [Offered, Offered(), SimpleNamespace(note=print)], ids=["class", "object", "names"]
)
def test_a_document_reaches_nothing_that_python_gives_every_class(role: str, name: str, implementation: Any) -> None:
    assert {"unknown-name", "bad-delay"} & set(findings(machine(role, name), implementation))


@pytest.mark.parametrize("role", ROLES)
def test_a_document_reaches_no_private_name(role: str) -> None:
    assert "unknown-name" in findings(machine(role, "_delete_everything"))


def test_a_document_reaches_nothing_that_a_module_only_imports() -> None:
    module = ModuleType("functions_of_mine")
    vars(module)["loads"] = json.loads

    def note(*_: object) -> None: ...

    note.__module__ = module.__name__
    vars(module)["note"] = note
    assert "unknown-name" in findings(machine("service", "loads"), module)
    assert Statechart.from_xstate(machine("action", "note"), implementation=module).id == "m"
    vars(module)["__all__"] = ["note", "loads"]
    assert Statechart.from_xstate(machine("service", "loads"), implementation=module).id == "m"


def test_the_charts_of_an_author_may_name_what_is_private_but_nothing_of_pythons_own() -> None:
    states = [{"name": "a", "tags": "settled", "on_enter": "_delete_everything"}]
    assert Statechart(id="m", states=states, implementation=Offered).id == "m"
    with pytest.raises(DefinitionError, match="unknown-name"):
        Statechart(id="m", states=[{**states[0], "on_enter": "__class__"}], implementation=Offered)


# Sizes ---------------------------------------------------------------------------------------------------------------


def test_a_document_has_a_size() -> None:
    text = machine("action", "note")
    assert Statechart.from_xstate(text.ljust(MAX_DOCUMENT_CHARACTERS), implementation=Offered).id == "m"
    assert findings(text.ljust(MAX_DOCUMENT_CHARACTERS + 1)) == ["bad-json"]


def test_a_number_that_python_does_not_read_is_no_json() -> None:
    assert findings('{"context": {"n": ' + "9" * (LONGEST_NUMBER + 1) + "}}") == ["bad-json"]


def test_one_part_in_many_places_is_found_to_be_too_large_before_it_is_spread_out() -> None:
    part: dict[str, Any] = {}
    for _ in range(60):
        part = {"initial": "a", "states": {"a": part, "b": part}}
    assert findings({"id": "m", **part}) == ["too-large"]


def spec(children: tuple[NodeSpec, ...], transitions: tuple[TransitionSpec, ...] = ()) -> MachineSpec:
    root = NodeSpec(name="", kind=NodeKind.COMPOUND, children=children, transitions=transitions)
    return MachineSpec(id="m", version=1, root=root, context=PlainCodec())


def test_a_definition_has_a_number_of_nodes_of_transitions_and_of_levels() -> None:
    deep = NodeSpec(name="a")
    for _ in range(MAX_DEPTH + 1):
        deep = NodeSpec(name="a", kind=NodeKind.COMPOUND, children=(deep, deep))
    loop = TransitionSpec(event="E")
    for what, made in (
        (f"{MAX_NODES} nodes", spec(tuple(NodeSpec(name=f"n{number}") for number in range(MAX_NODES)))),
        (f"{MAX_NODES} nodes", spec((deep,))),
        (f"{MAX_TRANSITIONS} transitions", spec((NodeSpec(name="a"),), (loop,) * (MAX_TRANSITIONS + 1))),
    ):
        with pytest.raises(DefinitionError, match=f"more than {what}"):
            compile_machine(made)


def test_a_name_that_is_none_is_looked_for_among_so_many_and_no_more() -> None:
    known = [f"name{number}" for number in range(MAX_CANDIDATES)]
    assert find_closest("name5x", known)
    assert find_closest("name5x", [*known, "one-more"]) == ""
    assert find_closest("name" * LONGEST_NAME, known) == ""
