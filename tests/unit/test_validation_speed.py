"""Large definitions build in the blink of an eye."""

import time

import pytest

from settle.core.conditions import InState
from settle.core.spec import MAX_DEPTH, InvokeSpec, NodeKind, NodeSpec, TransitionSpec
from settle.core.validation import validate_definition
from tests.support.findings import build, maybe

STATES = 1000
LIMIT_SECONDS = 2.0
"""Of processor time: many times what it takes, for coverage is slow, and less than a quadratic rule would take."""
SETTLED = frozenset({"settled"})


def three(*targets: str) -> tuple[TransitionSpec, ...]:
    """A transition to each of three targets; one is guarded."""
    guards = ((), maybe, ())
    return tuple(TransitionSpec(event=f"E{i}", targets=(to,), guards=guards[i]) for i, to in enumerate(targets))


def flat() -> tuple[NodeSpec, ...]:
    """A ring of states that rest."""
    return tuple(
        NodeSpec(
            name=f"s{i}",
            tags=SETTLED,
            transitions=three(*(f"s{(i + step) % STATES}" for step in (1, 2, 3))),
        )
        for i in range(STATES)
    )


def busy() -> tuple[NodeSpec, ...]:
    """A chain of services."""
    first = NodeSpec(name="s0", tags=SETTLED, transitions=(TransitionSpec(event="GO", targets=("s1",)),))
    rest = (
        NodeSpec(
            name=f"s{i}",
            invokes=(InvokeSpec(id=f"s{i}", src="x"),),
            transitions=(
                TransitionSpec(event=f"done.invoke.s{i}", targets=(f"s{(i + 1) % STATES}",)),
                TransitionSpec(event=f"error.invoke.s{i}", targets=("s0",)),
                TransitionSpec(targets=("s0",), guards=maybe),
            ),
        )
        for i in range(1, STATES)
    )
    return (first, *rest)


def deep() -> tuple[NodeSpec, ...]:
    """Chains of states, almost as deep as they may be."""
    depth = MAX_DEPTH - 2

    def chain(top: int, level: int) -> NodeSpec:
        inner = (chain(top, level + 1),) if level < depth else ()
        return NodeSpec(
            name=f"s{level}" if level else f"top{top}",
            kind=NodeKind.COMPOUND if inner else NodeKind.ATOMIC,
            children=inner,
            tags=frozenset() if inner else SETTLED,
            transitions=three(*(f"top{(top + step) % (STATES // depth)}" for step in (1, 2, 3))),
        )

    return tuple(chain(top, 0) for top in range(STATES // depth))


def wide() -> tuple[NodeSpec, ...]:
    """A parallel node of many regions, each of which listens to the same events and asks about the next."""
    regions = STATES // 4

    def region(number: int) -> NodeSpec:
        path = f"p.r{number}"
        asking = TransitionSpec(
            event=f"C{number}", targets=(f"{path}.s0",), guards=(InState(f"p.r{(number + 1) % regions}.s1"),)
        )
        states = (
            NodeSpec(
                name=f"s{i}",
                tags=SETTLED,
                transitions=(
                    TransitionSpec(event="OUT", targets=("out",)),
                    TransitionSpec(event="ON", targets=(f"{path}.s{(i + 1) % 3}",)),
                    asking,
                ),
            )
            for i in range(3)
        )
        return NodeSpec(name=f"r{number}", kind=NodeKind.COMPOUND, children=tuple(states))

    inside = tuple(region(number) for number in range(regions))
    return NodeSpec(name="p", kind=NodeKind.PARALLEL, children=inside), NodeSpec(name="out", tags=SETTLED)


def quarrelling() -> tuple[NodeSpec, ...]:
    """Regions that all restart all others, on every event."""
    nodes = tuple(
        NodeSpec(
            name=f"r{i}",
            invokes=(InvokeSpec(id=f"r{i}", src="x"),),
            transitions=(
                TransitionSpec(event="A", targets=(f"p.r{i}",)),
                TransitionSpec(event="*", targets=(f"p.r{i}",)),
                TransitionSpec(event=f"done.invoke.r{i}", targets=("out",)),
            ),
        )
        for i in range(STATES)
    )
    return NodeSpec(name="p", kind=NodeKind.PARALLEL, children=nodes), NodeSpec(name="out", tags=SETTLED)


@pytest.mark.parametrize("shape", [flat, busy, deep, wide, quarrelling])
def test_a_thousand_states_are_validated_in_no_time(shape: object) -> None:
    assert callable(shape)
    definition = build(*shape())
    begin = time.process_time()
    validate_definition(definition)
    assert time.process_time() - begin < LIMIT_SECONDS


def test_the_shapes_are_what_they_are_for() -> None:
    found = {shape.__name__: {finding.code for finding in validate_definition(build(*shape()))} for shape in SHAPES}
    assert found == {
        "flat": set(),
        "busy": set(),
        "deep": set(),
        "wide": set(),
        "quarrelling": {"region-conflict", "restarts-regions", "event-never-seen", "shadowed-transition"},
    }


SHAPES = (flat, busy, deep, wide, quarrelling)
