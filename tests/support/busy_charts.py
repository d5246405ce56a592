"""Random machines that come to rest where they say so: those of `random_charts` with the tag `settled`.

A node with the tag keeps what may run while it rests: services in the background, and child machines.
Half of them never raise an event, since there is little to be said about what may be raised.
"""

from dataclasses import replace

from hypothesis import strategies as st

from settle.core.spec import Action, MachineSpec, NodeKind, NodeSpec
from settle.core.validation.silences import JUDGEMENTS
from tests.support.random_charts import Choices, make_machine

SILENCED = dict.fromkeys((*JUDGEMENTS, "unused-silence"), "what is found is what is tested")
TAGS = (frozenset[str](), frozenset({"settled"}))


def busy_machines() -> st.SearchStrategy[MachineSpec]:
    """Legal machines."""
    return st.binary(min_size=200, max_size=1200).map(lambda data: make_busy_machine(Choices(data)))


def make_busy_machine(choices: Choices) -> MachineSpec:
    """Make a machine; three in four use the tag."""
    tagged, raising = not choices.one_in(4), choices.one_in(2)
    spec = make_machine(choices)
    root = spec.root if raising else _without_raising(spec.root)
    return replace(spec, root=_tag(choices, root) if tagged else root, silenced=SILENCED)


def _tag(choices: Choices, spec: NodeSpec) -> NodeSpec:
    children = tuple(_tag(choices, child) for child in spec.children)
    tags = choices.pick(TAGS) if spec.kind is NodeKind.ATOMIC else frozenset[str]()
    invokes = tuple(invoke for invoke in spec.invokes if not (tags and invoke.inline))
    return replace(spec, children=children, tags=tags, invokes=invokes)


def _without_raising(spec: NodeSpec) -> NodeSpec:
    return replace(
        spec,
        children=tuple(map(_without_raising, spec.children)),
        entry=_quiet(spec.entry),
        exit=_quiet(spec.exit),
        initial_actions=_quiet(spec.initial_actions),
        history_actions=_quiet(spec.history_actions),
        transitions=tuple(
            replace(each, before=_quiet(each.before), actions=_quiet(each.actions), after=_quiet(each.after))
            for each in spec.transitions
        ),
    )


def _quiet(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    return tuple(action for action in actions if not action.name.startswith(("raise", "send")))
