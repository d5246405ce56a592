"""The Definition: a compiled machine, as frozen tables that a step can walk without looking anything up twice.

Nodes stand in document order; a node's number is its place. A set of nodes is an integer with one bit per node, so that
"is any descendant of this node active" is one `&`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from settle.core.codec import Codec
from settle.core.conditions import Condition
from settle.core.delay import Delay
from settle.core.errors import Finding, SnapshotInvalidError
from settle.core.event import is_internal
from settle.core.memo import Memo
from settle.core.spec import Action, ErrorPolicy, InvokeSpec, NodeKind, Selection, TransitionKind


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TimerSpec:
    """A timer that is set when its node is entered; delayed transitions of one node with one delay share it.

    Attributes:
        id: `<path>@<delay>`.
        event: type of the event that it brings, which those transitions take.
        delay: how long it waits.
    """

    id: str
    event: str
    delay: Delay


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """A state node of the table.

    Attributes:
        index: its place in document order; 0 is the machine itself.
        path: absolute path; empty for the machine itself.
        parent: index of the parent; -1 for the machine itself.
        children: indexes, in document order.
        initial: indexes that are entered by default, for compound nodes.
        initial_actions: run when that happens.
        ancestors: indexes from the parent up to the machine itself.
        bit: `1 << index`.
        within: bits of its proper descendants.
        up: bits of its ancestors.
        transitions: indexes, in document order.
        timers: set when it is entered, cancelled when it is left.
        history: indexes of the history nodes among its children.
        tags: its own tags.
        effective_tags: its own and its ancestors' tags.
    """

    index: int
    path: str
    kind: NodeKind
    parent: int
    children: tuple[int, ...]
    initial: tuple[int, ...]
    initial_actions: tuple[Action, ...]
    ancestors: tuple[int, ...]
    bit: int
    within: int
    up: int
    transitions: tuple[int, ...]
    history: tuple[int, ...]
    history_default: tuple[int, ...]
    history_actions: tuple[Action, ...]
    entry: tuple[Action, ...]
    exit: tuple[Action, ...]
    invokes: tuple[InvokeSpec, ...]
    timers: tuple[TimerSpec, ...]
    tags: frozenset[str]
    effective_tags: frozenset[str]
    output: Any
    description: str
    meta: Mapping[str, Any]

    @property
    def is_leaf(self) -> bool:
        """Whether it can stand in a configuration without a child."""
        return self.kind in {NodeKind.ATOMIC, NodeKind.FINAL}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transition:
    """A transition of the table.

    Attributes:
        index: its place in document order.
        source: index of the node that holds it.
        event: descriptor; empty for an eventless transition.
        targets: indexes; empty for a targetless transition.
        domain: index of the innermost node that stays active; -1 for a targetless one, or when a target is a history
            node, whose real targets are only known at run time.
        kind: what it leaves.
        delay: of a delayed transition, whose event is that of a timer of its source.
    """

    index: int
    source: int
    event: str
    targets: tuple[int, ...]
    domain: int
    kind: TransitionKind
    guards: tuple[Condition, ...]
    before: tuple[Action, ...]
    actions: tuple[Action, ...]
    after: tuple[Action, ...]
    delay: Delay | None
    description: str
    meta: Mapping[str, Any]


class Invokes(dict[str, InvokeSpec]):
    """Invokes by id. Whoever asks for one has it from a snapshot, which then is none of this machine's."""

    def __missing__(self, invoke_id: str) -> InvokeSpec:
        raise SnapshotInvalidError(f"the machine has no invoke {invoke_id!r}, which is live")


@dataclass(frozen=True, kw_only=True, eq=False)
class Definition:
    """A compiled machine. Build it with `settle.core.compile.compile_machine`.

    Attributes:
        machine: its id.
        version: as its author numbered it.
        hash: of the table without functions: 16 hexadecimal digits. Equal for equal definitions on any machine.
        table: the definition as JSON data, names in place of functions.
        nodes: in document order.
        transitions: in document order.
        numbers: index by path.
        invokes: by invoke id.
        context: loads and dumps the context.
        initial_context: what the context of a new instance begins with.
        events: loads event data, for the types that declare a model.
        create_on_event: whether the first event of an unknown instance creates it.
        selection: whose rules decide which transitions an event enables.
        errors: what an exception in a guard or an action does.
        uses_settled: whether any node is tagged `settled`.
        retention: how long an instance is kept after it has ended, in seconds; None until somebody deletes it.
        warnings: findings that did not stop the build.
    """

    machine: str
    version: int
    hash: str
    table: Mapping[str, Any]
    nodes: tuple[Node, ...]
    transitions: tuple[Transition, ...]
    numbers: Mapping[str, int]
    invokes: Mapping[str, InvokeSpec]
    context: Codec
    initial_context: Mapping[str, Any]
    events: Mapping[str, Codec]
    create_on_event: bool
    selection: Selection
    errors: ErrorPolicy
    uses_settled: bool
    retention: float | None = None
    warnings: tuple[Finding, ...] = ()

    @cached_property
    def memo(self) -> Memo:
        """What the interpreter remembers about configurations of this definition."""
        return Memo()

    @cached_property
    def event_types(self) -> frozenset[str]:
        """Every descriptor that some transition names, without eventless and internal ones."""
        return frozenset(
            transition.event
            for transition in self.transitions
            if transition.event and not is_internal(transition.event)
        )
