"""What a front end hands to the compiler: a machine as a tree, with every name already bound to its function.

Any number of front ends may exist; all of them end here. Targets are absolute paths, so that nothing after this module
has to know how a dialect writes them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from settle.core.codec import Codec
from settle.core.conditions import Condition
from settle.core.delay import Delay

SEPARATOR: Final = "."
"""Between the names of a path: `fulfil.pay.charging`."""
EVENTLESS: Final = ""
"""Descriptor of a transition that needs no event."""
ANY_EVENT: Final = "*"
"""Descriptor of a transition that takes every event."""
MAX_DEPTH: Final = 100
"""Levels of nodes inside one another; far beyond what anybody reads, and well inside what Python can recurse."""
MAX_NODES: Final = 5000
"""Nodes of a machine. Each is a bit of every set of nodes that a step works with."""
MAX_TRANSITIONS: Final = 20_000
"""Transitions of a machine."""
SETTLED: Final = "settled"
"""Tag of a node at which the machine waits for the outside."""
REJECTED: Final = "rejected"
"""Tag of a node whose entry refuses the event that led to it."""
INLINE_TIMEOUT_SECONDS: Final = 3.0
"""How long an inline service may take unless its invoke says otherwise."""
SERVICE_ATTEMPTS: Final = 3
"""How often a failing service is called before its error event, unless its invoke says otherwise."""
BACKGROUND_TIMEOUT_SECONDS: Final = 60.0
"""How long one call of a background service may take unless its invoke says otherwise."""
BACKOFF_SECONDS: Final = 1.0
MAX_BACKOFF_SECONDS: Final = 300.0
"""Pauses between the calls of a background service, unless its invoke says otherwise."""
DEADLINE_SECONDS: Final = 900.0
"""How long a background service may take in all, unless its invoke says otherwise."""
WORKER_MARGIN_SECONDS: Final = 10.0
"""What an invocation of the worker needs beside the call itself: to begin, and to send the answer."""
LONGEST_CALL_SECONDS: Final = 900.0 - WORKER_MARGIN_SECONDS
"""Longest call of a background service; Lambda ends a function after 900 seconds
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html)."""
LONGEST_PAUSE_SECONDS: Final = 11 * 3600.0
"""Longest pause between two calls; SQS hides a message for at most 12 hours from when it was received, which a call and
the pause after it have together
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html)."""


class NodeKind(StrEnum):
    """Kinds of state nodes."""

    ATOMIC = "atomic"
    COMPOUND = "compound"
    PARALLEL = "parallel"
    FINAL = "final"
    SHALLOW_HISTORY = "shallow_history"
    DEEP_HISTORY = "deep_history"

    @property
    def is_history(self) -> bool:
        """Whether it stands for what was active before."""
        return self in {NodeKind.SHALLOW_HISTORY, NodeKind.DEEP_HISTORY}


class TransitionKind(StrEnum):
    """What a targeted transition leaves (SCXML 3.13; `local` is XState's `reenter: false`)."""

    EXTERNAL = "external"
    """Leaves its source, also when the target lies inside it."""
    INTERNAL = "internal"
    """Keeps a compound source when every target lies inside it."""
    LOCAL = "local"
    """Keeps any source when every target is it or lies inside it."""


class Selection(StrEnum):
    """Whose rules decide which transitions an event enables."""

    SCXML = "scxml"
    """Each active leaf searches itself and its ancestors; in one node the order written decides; `name.*` does not take
    `name`."""
    XSTATE = "xstate"
    """A parallel node's own transitions are asked when none of its regions has one; in one node exact names are asked
    first, then descriptors with `*`, the longest first; `name.*` takes `name` too."""


class ErrorPolicy(StrEnum):
    """What an exception in a guard or an action does."""

    RAISE = "raise"
    """Aborts the macrostep: nothing of it is kept."""
    EVENT = "event"
    """Raises the internal event `error.execution`; a guard that raised does not hold, and of the list of actions that
    raised the rest is left out (SCXML 5.9.1 and 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A reaction: `fn(context, event, do)` may assign to the context and record effects.

    Attributes:
        name: the name it has in the definition.
        fn: the function, its parameters bound already.
        params: what it was bound to, as JSON data.
    """

    name: str
    fn: Callable[[Any, Any, Any], Any]
    params: Mapping[str, Any] = field(default_factory=dict)


class InvokeMode(StrEnum):
    """Where a service runs."""

    INLINE = "inline"
    """As part of settling: the event that led to it is not finished before its answer."""
    BACKGROUND = "background"
    """Beside the instance, which goes on taking events; the answer comes back as one."""


class Delivery(StrEnum):
    """How often a background service may be begun when nobody knows how a call of it ended."""

    AT_LEAST_ONCE = "at_least_once"
    """Again, under the same key."""
    AT_MOST_ONCE = "at_most_once"
    """Never again: a call whose end nobody saw becomes the error event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeSpec:
    """A service or another machine that runs while its node is active.

    Attributes:
        id: its results are `done.invoke.<id>` and `error.invoke.<id>`; unique in the machine.
        src: name of the service, or of the machine.
        fn: the service; None for a machine, and for a service that only the host knows.
        machine: whether `src` names a machine, of which a child instance is started.
        input: what the service or the child is given: JSON data, or `fn(context, event)`, asked when it is started.
        timeout: seconds that one call may take.
        attempts: calls before the error event.
        mode: where a service runs; of no meaning for a machine.
        backoff: seconds before the second call of a background service; twice as long before each further one.
        max_backoff: seconds that this grows to.
        final_errors: exceptions after which trying again is pointless.
        delivery: how often a background service may be begun.
        deadline: seconds after which a background service counts as failed, whatever became of it.
    """

    id: str
    src: str
    fn: Callable[[Any], Any] | None = None
    machine: bool = False
    input: Any = None
    timeout: float = INLINE_TIMEOUT_SECONDS
    attempts: int = SERVICE_ATTEMPTS
    mode: InvokeMode = InvokeMode.INLINE
    backoff: float = BACKOFF_SECONDS
    max_backoff: float = MAX_BACKOFF_SECONDS
    final_errors: tuple[type[Exception], ...] = ()
    delivery: Delivery = Delivery.AT_LEAST_ONCE
    deadline: float = DEADLINE_SECONDS

    @property
    def inline(self) -> bool:
        """Whether the event that leads to it waits for its answer."""
        return not self.machine and self.mode is InvokeMode.INLINE

    @property
    def background(self) -> bool:
        """Whether it is a service that runs beside the instance."""
        return not self.machine and self.mode is InvokeMode.BACKGROUND


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionSpec:
    """A transition of the node that holds it.

    Attributes:
        event: descriptor: an exact event type, `name.*`, `*`, or empty for an eventless or a delayed transition.
        targets: absolute paths; empty for a transition that runs its actions and stays.
        guards: all must hold.
        before: actions before any node is left.
        actions: actions between leaving and entering; the place where SCXML and XState run theirs.
        after: actions after every node is entered.
        kind: what a targeted transition leaves.
        delay: for a transition that is taken when its source has been active for so long.
        description: for people.
        meta: for programs.
    """

    event: str = EVENTLESS
    targets: tuple[str, ...] = ()
    guards: tuple[Condition, ...] = ()
    before: tuple[Action, ...] = ()
    actions: tuple[Action, ...] = ()
    after: tuple[Action, ...] = ()
    kind: TransitionKind = TransitionKind.EXTERNAL
    delay: Delay | None = None
    description: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """A state node.

    Attributes:
        name: last part of its path; empty for the machine itself.
        initial: absolute paths that are entered by default; empty for the first child.
        initial_actions: run when it is entered by default, after its own entry actions (SCXML's `<initial>` content).
        output: for final nodes, what `done.state` carries; for the machine itself, what it answers when it is done,
            instead of its final node's. JSON data, or `fn(context, event)`.
        history_default: for history nodes, what is entered when nothing was recorded.
        history_actions: for history nodes, run when that is entered, after the entry actions of their parent.
        description: for people.
        meta: for programs.
    """

    name: str
    kind: NodeKind = NodeKind.ATOMIC
    children: tuple["NodeSpec", ...] = ()
    initial: tuple[str, ...] = ()
    initial_actions: tuple[Action, ...] = ()
    entry: tuple[Action, ...] = ()
    exit: tuple[Action, ...] = ()
    invokes: tuple[InvokeSpec, ...] = ()
    transitions: tuple[TransitionSpec, ...] = ()
    tags: frozenset[str] = frozenset()
    output: Any = None
    history_default: tuple[str, ...] = ()
    history_actions: tuple[Action, ...] = ()
    description: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSpec:
    """A whole machine.

    Attributes:
        id: its name; also the name in URLs and message groups.
        version: raised by the author when the definition changes.
        root: the machine as a node with an empty name; compound or parallel.
        context: how the context is loaded and dumped.
        initial_context: what the context of a new instance begins with; the input of the instance is laid over it.
        events: for the event types that declare one, how their data is loaded.
        create_on_event: whether the first event of an unknown instance creates it.
        selection: whose rules decide which transitions an event enables.
        errors: what an exception in a guard or an action does.
        retention: how long an instance is kept after it has ended, in seconds; None until somebody deletes it. Not part
            of the definition's hash: it says nothing about how instances behave.
        silenced: reason by finding code, or by `code@node`; such findings are not reported.
    """

    id: str
    version: int
    root: NodeSpec
    context: Codec
    initial_context: Mapping[str, Any] = field(default_factory=dict)
    events: Mapping[str, Codec] = field(default_factory=dict)
    create_on_event: bool = True
    selection: Selection = Selection.SCXML
    errors: ErrorPolicy = ErrorPolicy.RAISE
    retention: float | None = None
    silenced: Mapping[str, str] = field(default_factory=dict)
