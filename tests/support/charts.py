"""Small machines written as specs, for tests that are not about a front end."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from settle.core.codec import Codec, ModelCodec, PlainCodec
from settle.core.compile import compile_machine
from settle.core.conditions import Condition, Guard, Not
from settle.core.definition import Definition
from settle.core.spec import (
    Action,
    InvokeSpec,
    MachineSpec,
    NodeKind,
    NodeSpec,
    TransitionKind,
    TransitionSpec,
)

SETTLED = frozenset({"settled"})


def action(name: str, fn: Callable[..., Any] | None = None) -> Action:
    """An action; without a function it appends its name to `context["log"]`."""

    def note(context: dict[str, Any], _event: object, _do: object) -> None:
        context.setdefault("log", []).append(name)

    return Action(name=name, fn=fn or note)


def guard(name: str, fn: Callable[..., bool], *, negated: bool = False) -> Condition:
    """A guard that looks at the context and the event alone."""
    asked = Guard(name=name, fn=lambda context, event, _active: fn(context, event))
    return Not(asked) if negated else asked


def on(
    event: str,
    *targets: str,
    guards: tuple[Condition, ...] = (),
    actions: tuple[Action, ...] = (),
    kind: TransitionKind = TransitionKind.EXTERNAL,
    **more: Any,
) -> TransitionSpec:
    return TransitionSpec(event=event, targets=targets, guards=guards, actions=actions, kind=kind, **more)


def invoke(name: str, fn: Callable[..., Any], **options: Any) -> InvokeSpec:
    return InvokeSpec(id=name, src=name, fn=fn, **options)


def node(name: str, *parts: NodeSpec | TransitionSpec | InvokeSpec, **options: Any) -> NodeSpec:
    """A node; its kind follows from its children unless it is given."""
    children = tuple(part for part in parts if isinstance(part, NodeSpec))
    default = NodeKind.COMPOUND if children else NodeKind.ATOMIC
    return NodeSpec(
        name=name,
        kind=options.pop("kind", default),
        children=children,
        transitions=tuple(part for part in parts if isinstance(part, TransitionSpec)),
        invokes=tuple(part for part in parts if isinstance(part, InvokeSpec)),
        **options,
    )


def settled(name: str, *parts: NodeSpec | TransitionSpec | InvokeSpec, **options: Any) -> NodeSpec:
    return node(name, *parts, tags=SETTLED, **options)


def parallel(name: str, *parts: NodeSpec | TransitionSpec | InvokeSpec, **options: Any) -> NodeSpec:
    return node(name, *parts, kind=NodeKind.PARALLEL, **options)


def final(name: str, **options: Any) -> NodeSpec:
    return node(name, kind=NodeKind.FINAL, **options)


def machine(
    name: str,
    *nodes: NodeSpec,
    version: int = 1,
    context: type[BaseModel] | None = None,
    events: Mapping[str, type[BaseModel]] | None = None,
    create_on_event: bool = True,
    root: Mapping[str, Any] | None = None,
    **more: Any,
) -> Definition:
    codec: Codec = ModelCodec(context) if context else PlainCodec()
    options = {"kind": NodeKind.COMPOUND, **(root or {})}
    return compile_machine(
        MachineSpec(
            id=name,
            version=version,
            root=NodeSpec(name="", children=nodes, **options),
            context=codec,
            events={event: ModelCodec(model) for event, model in (events or {}).items()},
            create_on_event=create_on_event,
            **more,
        )
    )
