"""Machines that tell what they do, so that a rule of the step is one line: machine, events, what was heard.

`-a.b` is the exit of a node, `+a.b` its entry, `*GO` the actions of a transition on GO, `*` those of an eventless one.
"""

from dataclasses import replace
from typing import Any

from settle.core.codec import PlainCodec
from settle.core.compile import compile_machine
from settle.core.conditions import Condition
from settle.core.definition import Definition
from settle.core.event import Event, EventKind
from settle.core.interpreter import start, step
from settle.core.macrostep import Macrostep
from settle.core.snapshot import Snapshot
from settle.core.spec import SEPARATOR, Action, MachineSpec, NodeKind, NodeSpec, TransitionSpec
from tests.support.charts import action, guard

REASON = "these machines show a rule, they do nothing useful"
CODES = ("never-settles", "eventless-cycle", "never-done", "unknown-done-event", "rejected-node-acts")
SILENCED = dict.fromkeys(CODES, REASON)


def loud(*nodes: NodeSpec, **root: Any) -> Definition:
    """A machine of these nodes that logs every entry, exit and transition."""
    top = NodeSpec(name="", children=nodes, **{"kind": NodeKind.COMPOUND, **root})
    spec = MachineSpec(id="m", version=1, root=amplify(top, ""), context=PlainCodec(), silenced=SILENCED)
    return compile_machine(spec)


def amplify(spec: NodeSpec, path: str) -> NodeSpec:
    """Add an action that logs to every entry, exit and transition of a tree."""
    prefix = f"{path}{SEPARATOR}" if path else ""
    return replace(
        spec,
        children=tuple(amplify(child, prefix + child.name) for child in spec.children),
        entry=(action(f"+{path}"), *spec.entry) if path else spec.entry,
        exit=(action(f"-{path}"), *spec.exit) if path else spec.exit,
        transitions=tuple(_amplify_transition(transition) for transition in spec.transitions),
    )


def _amplify_transition(spec: TransitionSpec) -> TransitionSpec:
    return replace(spec, actions=(action(f"*{spec.event}"), *spec.actions))


def yes(name: str = "yes") -> Condition:
    return guard(name, lambda _context, _event: True)


def no(name: str = "no") -> Condition:
    return guard(name, lambda _context, _event: False)


def flag(name: str, *, negated: bool = False) -> Condition:
    """A guard that holds when the context has the flag."""
    return guard(name, lambda context, _event: bool(context.get(name)), negated=negated)


def setting(name: str) -> Action:
    """An action that gives the context the flag."""

    def act(context: dict[str, Any], _event: object, _do: object) -> None:
        context[name] = True

    return action("setting", act)


class Walk:
    """One instance, moved by hand.

    Attributes:
        snapshot: where it stands.
        last: the last macrostep.
    """

    def __init__(self, definition: Definition, now: float = 0.0, **first: Any) -> None:
        self.definition, self._now, self._heard = definition, now, 0
        self.snapshot: Snapshot
        self.last: Macrostep
        self._keep(start(definition, input=first, now=now))

    def send(self, *events: str, **data: Any) -> "Walk":
        for event in events:
            self._give(Event(type=event, data=data))
        return self

    def forget(self) -> "Walk":
        """Begin to listen only now."""
        self._heard = len(self.snapshot.context.get("log", []))
        return self

    def answer(self, key: str, data: Any = None, outcome: str = "done") -> "Walk":
        """Let a service end; `key` says which life of it."""
        event_type = f"{outcome}.invoke.{key.partition('#')[0]}"
        return self._give(Event(type=event_type, data={} if data is None else data, kind=EventKind.RESULT, key=key))

    @property
    def at(self) -> str:
        """The active leaves."""
        return " ".join(self.snapshot.configuration)

    @property
    def heard(self) -> str:
        """What was logged since this was asked last."""
        log = self.snapshot.context.get("log", [])
        news, self._heard = log[self._heard :], len(log)
        return " ".join(news)

    @property
    def steps(self) -> list[str]:
        """The microsteps of the last macrostep: event, nodes left, nodes entered."""
        return [
            " ".join([f"{each.event}:", *(f"-{path}" for path in each.exited), *(f"+{path}" for path in each.entered)])
            for each in self.last.microsteps
        ]

    def _give(self, event: Event) -> "Walk":
        self._keep(step(self.definition, self.snapshot, event, self._now))
        return self

    def _keep(self, macrostep: Macrostep) -> None:
        self.last, self.snapshot = macrostep, macrostep.snapshot


def walk(definition: Definition, *events: str, **first: Any) -> Walk:
    """Start a machine, forget what was heard, and send events."""
    return Walk(definition, **first).forget().send(*events)
