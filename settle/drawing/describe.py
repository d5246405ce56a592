"""A definition as sentences, for people who read no code."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from settle.core.conditions import Guard, guards_of
from settle.core.definition import Definition, Node
from settle.core.delay import format_duration
from settle.core.spec import NodeKind
from settle.drawing.describe_nodes import describe_nature, describe_notes
from settle.drawing.describe_transitions import describe_transition
from settle.drawing.parts import name_of

_INDENT: Final = "  "


def describe(definition: Definition) -> str:
    """Describe a machine: its states in document order, indented as they are nested, and what each event does there.

    Names of states, events, conditions and actions stay as they are written, so that they can be searched for. What
    the functions behind them say about themselves stands at the end.
    """
    root = definition.nodes[0]
    beginning = "It is" if root.kind is NodeKind.PARALLEL else "It"
    lines = [f"{definition.machine}, version {definition.version}", *_paragraph(root.description)]
    lines += [f"{beginning} {'; '.join(describe_nature(definition, root))}.", *describe_notes(root)]
    if not definition.create_on_event:
        lines.append("It has to be created before its first event.")
    if definition.retention is not None:
        lines.append(f"It is deleted {format_duration(definition.retention)} after it has ended.")
    if root.transitions:
        lines += ["", "anywhere:", *_indented(_describe_transitions(definition, root))]
    for index in (*root.children, *root.history):
        lines += ["", *_describe_state(definition, definition.nodes[index])]
    meanings = list(_describe_names(definition))
    if meanings:
        lines += ["", "What the names stand for:", *_indented(meanings)]
    return "\n".join(lines) + "\n"


def _describe_state(definition: Definition, node: Node) -> Iterator[str]:
    nature = "; ".join(describe_nature(definition, node))
    yield f"{name_of(definition, node)}: {nature}" if nature else name_of(definition, node)
    yield from _indented([*_paragraph(node.description), *describe_notes(node)])
    transitions = list(_describe_transitions(definition, node))
    if node.within and transitions:
        transitions = [f"anywhere in {name_of(definition, node)}:", *_indented(transitions)]
    yield from _indented(transitions)
    for index in (*node.children, *node.history):
        yield from _indented(_describe_state(definition, definition.nodes[index]))


def _describe_transitions(definition: Definition, node: Node) -> Iterator[str]:
    for index in node.transitions:
        transition = definition.transitions[index]
        yield describe_transition(definition, transition)
        yield from _indented(f"({line})" for line in _paragraph(transition.description))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"{_INDENT}{line}" for line in lines)


def _paragraph(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


# Names ---------------------------------------------------------------------------------------------------------------


def _describe_names(definition: Definition) -> Iterator[str]:
    """Yield what the functions behind the names say about themselves."""
    meanings: dict[str, list[str]] = {}
    for name, function in _named_functions(definition):
        meaning = _meaning_of(function)
        if meaning and meaning not in meanings.setdefault(name, []):
            meanings[name].append(meaning)
    yield from (f"{name}: {' / '.join(meanings[name])}" for name in sorted(meanings) if meanings[name])


def _named_functions(definition: Definition) -> Iterator[tuple[str, Callable[..., object]]]:
    for node in definition.nodes:
        for action in (*node.entry, *node.exit, *node.initial_actions, *node.history_actions):
            yield action.name, action.fn
        yield from ((invoke.src, invoke.fn) for invoke in node.invokes if invoke.fn is not None)
        if callable(node.output):
            yield getattr(node.output, "__name__", ""), node.output
    for transition in definition.transitions:
        for condition in transition.guards:
            yield from ((leaf.name, leaf.fn) for leaf in guards_of(condition) if isinstance(leaf, Guard))
        for action in (*transition.before, *transition.actions, *transition.after):
            yield action.name, action.fn
        if transition.delay is not None and transition.delay.fn is not None:
            yield transition.delay.name, transition.delay.fn


def _meaning_of(function: Callable[..., object]) -> str:
    """Return the first paragraph of a function's own docstring; not that of the class of a callable object."""
    while isinstance(function, partial) or hasattr(function, "__wrapped__"):
        function = function.func if isinstance(function, partial) else inspect.unwrap(function)
    text = inspect.getdoc(function) if inspect.isroutine(function) else None
    return " ".join((text or "").split("\n\n", maxsplit=1)[0].split())
