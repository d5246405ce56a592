"""Targets: the five ways in which XState writes where a transition leads."""

from typing import Final

from settle.authoring.findings import did_you_mean
from settle.authoring.lists import listed
from settle.authoring.xstate.report import Report
from settle.authoring.xstate.tree import StateNode, Tree
from settle.authoring.xstate.values import shorten
from settle.core.spec import SEPARATOR

_ID: Final = "#"
_ESCAPE: Final = "\\"


def read_targets(report: Report, tree: Tree, source: StateNode, value: object) -> tuple[str, ...]:
    """Return the paths that a transition of a state names; none for a transition that stays."""
    if value == "":
        return ()
    found: list[str] = []
    for target in listed(value):
        node = find_target(tree, source, target) if isinstance(target, str) and target else None
        if node is not None:
            found.append(node.path)
            continue
        message = _explain(tree, source, target)
        report.error("unknown-target", source.path, message, breaks=True)
    return tuple(found)


def find_target(tree: Tree, source: StateNode, target: str) -> StateNode | None:
    """Return the state that a target of a transition means.

    `#id` and `#id.child` start from an id, `.child` from the source, anything else from its siblings.
    """
    if target.startswith(_ID):
        return find_by_id(tree, target)
    if target.startswith(SEPARATOR):
        return _descend(source, split_path(target[1:]))
    return None if source.parent is None else _descend(source.parent, split_path(target))


def find_by_id(tree: Tree, target: str) -> StateNode | None:
    """Return what `#id` or `#id.child` means."""
    identifier, *rest = split_path(target.removeprefix(_ID))
    start = tree.by_id.get(identifier)
    return start and _descend(start, rest)


def find_inside(tree: Tree, node: StateNode, target: str) -> StateNode | None:
    """Return what the default of a history state means, seen from the state around it: a path, or an id."""
    return find_by_id(tree, target) if target.startswith(_ID) else _descend(node, split_path(target))


def split_path(text: str) -> list[str]:
    """Split at dots; a backslash takes the next character as it is."""
    parts, part, escaped = [], "", False
    for char in text:
        if char == _ESCAPE and not escaped:
            escaped = True
        elif char == SEPARATOR and not escaped:
            parts.append(part)
            part = ""
        else:
            part, escaped = part + char, False
    return [*parts, part]


def _descend(start: StateNode, keys: list[str]) -> StateNode | None:
    node: StateNode | None = start
    for key in keys[:-1] if keys and not keys[-1] else keys:  # `.` alone is the source itself
        node = node and node.children.get(key)
    return node


def _explain(tree: Tree, source: StateNode, target: object) -> str:
    """Say why a target means nothing, and how to write what may have been meant."""
    if not isinstance(target, str):
        return f"a target is text, or a list of texts, not {shorten(target)}; rewrite it"
    if not target:
        return "a target in a list is empty; name a state, or take it out"
    if target.startswith(_ID):
        hint = did_you_mean(target, [f"{_ID}{identifier}" for identifier in tree.by_id])
        return f"there is no state {target!r}{hint or '; correct the id'}"
    return _explain_path(tree, source, target)


def _explain_path(tree: Tree, source: StateNode, target: str) -> str:
    relative = target.startswith(SEPARATOR)
    if not relative and _descend(source, split_path(target)) is not None:
        return f"{target!r} is not beside this state but inside it; write {SEPARATOR + target!r}"
    elsewhere = [node for node in tree.root.walk() if node.key and node.key == target.removeprefix(SEPARATOR)]
    if len(elsewhere) == 1:
        way = f"{_ID}{tree.root.id}{SEPARATOR}{elsewhere[0].path}"
        return f"{target!r} is not found from here; write {way!r}, or give that state an `id`"
    around = source if relative else source.parent
    if around is None:
        return f"{target!r}: from the machine itself a target is written '.child' or '#id'; rewrite it"
    hint = did_you_mean(target.removeprefix(SEPARATOR), around.children)
    return f"there is no state {target!r} {'inside' if relative else 'beside'} it{hint or '; correct the target'}"
