"""Rules about what specs hold that a front end would not have let pass: parts out of place, odd names, odd data."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

from settle.core.codec import CodecError, PlainCodec
from settle.core.conditions import Guard, guards_of
from settle.core.definition import Node, Transition
from settle.core.errors import Finding
from settle.core.spec import ANY_EVENT, SEPARATOR, NodeKind
from settle.core.validation.survey import Survey, error, warning

_UNSTORABLE: Final = frozenset({"Cc", "Cs"})
"""Unicode categories: control characters, and halves of surrogate pairs."""
_plain: Final = PlainCodec()


def check_parts(survey: Survey) -> Iterator[Finding]:
    """Name what a node has although its kind has no use for it."""
    for node, written in zip(survey.nodes, survey.written, strict=True):
        for part, place in _list_misplaced(node, has_initial="initial" in written):
            yield error("misplaced-part", node, f"it has {part}, and only {place} can; move or drop it")
        if node.kind.is_history and (node.entry or node.exit):
            message = "a history node is never active, so its entry and exit actions never run; move or drop them"
            yield warning("unused-actions", node, message)


def _list_misplaced(node: Node, *, has_initial: bool) -> Iterator[tuple[str, str]]:
    """Yield each part that is out of place, with what could have it."""
    if node.kind is not NodeKind.COMPOUND and (has_initial or node.initial_actions):
        yield "an `initial`" if has_initial else "actions of an `initial`", "a compound node"
    if not node.kind.is_history and (node.history_default or node.history_actions):
        yield "a `default`" if node.history_default else "actions of a `default`", "a history node"
    if node.index and node.kind is not NodeKind.FINAL and node.output is not None:
        yield "an `output`", "a final node or the machine itself"
    if node.kind.is_history:
        parts = {"transitions": node.transitions, "services": node.invokes, "tags": node.tags}
        yield from ((name, "a node that is ever active") for name, part in parts.items() if part)


# Names ---------------------------------------------------------------------------------------------------------------


def check_names(survey: Survey) -> Iterator[Finding]:
    """Name nodes and invokes whose events nobody could name, or whose names nobody could store."""
    for node in survey.nodes[1:]:
        name = node.path.rpartition(SEPARATOR)[2]
        if not _is_safe(name):
            message = f"its name {name!r} is `*`, or has blanks around it or control characters in it; rename it"
            yield error("unsafe-name", node, message)
    for node in survey.nodes:
        for invoke in node.invokes:
            if not all(map(_is_safe, invoke.id.split(SEPARATOR))):
                message = (
                    f"the id {invoke.id!r} of what it invokes is empty or `*`, or has blanks around it or control"
                    " characters in it; give it another `id`"
                )
                yield error("unsafe-name", node, message)


def _is_safe(name: str) -> bool:
    if name.isascii() and name.isidentifier():
        return True
    plain = not any(unicodedata.category(character) in _UNSTORABLE for character in name)
    return bool(name) and name == name.strip() and name != ANY_EVENT and plain


# Data ----------------------------------------------------------------------------------------------------------------


def check_data(survey: Survey) -> Iterator[Finding]:
    """Name what is no JSON data: the definition's hash would differ from one process to the next."""
    root = survey.nodes[0]
    yield from _check(root, "the initial context", survey.definition.initial_context)
    for node in survey.nodes:
        yield from _check(node, "its `meta`", node.meta)
        yield from _check(node, "its `output`", node.output)
        for invoke in node.invokes:
            yield from _check(node, f"the `input` of {invoke.id!r}", invoke.input)
        for action in (*node.entry, *node.exit, *node.initial_actions, *node.history_actions):
            yield from _check(node, f"what the action {action.name!r} is given", action.params)
    for transition in survey.definition.transitions:
        yield from _check_transition(survey.source(transition), transition)


def _check_transition(node: Node, transition: Transition) -> Iterator[Finding]:
    yield from _check(node, "the `meta` of a transition", transition.meta)
    for action in (*transition.before, *transition.actions, *transition.after):
        yield from _check(node, f"what the action {action.name!r} is given", action.params)
    for condition in transition.guards:
        for leaf in guards_of(condition):
            if isinstance(leaf, Guard):
                yield from _check(node, f"what the guard {leaf.name!r} is given", leaf.params)


def _check(node: Node, what: str, value: Any) -> Iterator[Finding]:  # noqa: ANN401 - the author's data
    if value is None or callable(value) or value == {}:
        return
    try:
        _plain.dump(dict(value) if isinstance(value, Mapping) else value)
    except CodecError as problem:
        yield error("not-json", node, f"{what} is no JSON data, {problem}; write text, numbers, lists and dicts")
