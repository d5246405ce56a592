"""States: from a node of the file to a node of the machine."""

from collections.abc import Mapping
from typing import Any

from settle.authoring.findings import did_you_mean
from settle.authoring.lists import listed
from settle.authoring.xstate.actions import read_actions
from settle.authoring.xstate.invokes import read_invokes, read_results
from settle.authoring.xstate.reading import Reading, read_description, read_meta
from settle.authoring.xstate.report import NOT_CARRIED_OVER
from settle.authoring.xstate.targets import find_inside
from settle.authoring.xstate.transitions import read_own_transitions
from settle.authoring.xstate.tree import StateNode
from settle.authoring.xstate.values import read_static, shorten
from settle.authoring.xstate.words import HISTORY, INITIAL, MACHINE, STATE
from settle.core.spec import Action, NodeKind, NodeSpec


def read_node(reading: Reading, node: StateNode) -> NodeSpec:
    """Return a state and all inside it."""
    if node.kind.is_history:
        return _read_history(reading, node)
    words = STATE if node.parent else MACHINE
    words.check(reading.report, node.path, node.config)
    initial, initial_actions = read_initial(reading, node)
    own = tuple(read_own_transitions(reading, node))
    return NodeSpec(
        name=node.key,
        kind=node.kind,
        children=tuple(read_node(reading, child) for child in node.children.values()),
        initial=initial,
        initial_actions=initial_actions,
        entry=read_actions(reading, node.path, node.config.get("entry")),
        exit=read_actions(reading, node.path, node.config.get("exit")),
        invokes=read_invokes(reading, node),
        transitions=(*own, *read_results(reading, node)),
        tags=_read_tags(reading, node),
        output=_read_output(reading, node),
        description=read_description(reading, node.path, node.config),
        meta=read_meta(reading, node.path, node.config),
    )


def read_initial(reading: Reading, node: StateNode) -> tuple[tuple[str, ...], tuple[Action, ...]]:
    """Return the path that a compound state enters by default, and the actions that go with it."""
    written = node.config.get("initial")
    if node.kind is not NodeKind.COMPOUND:
        _check_no_initial(reading, node, written)
        return (), ()
    config = written if isinstance(written, Mapping) else {"target": written}
    INITIAL.check(reading.report, node.path, config)
    key = config.get("target")
    if isinstance(key, (list, tuple)) and len(key) == 1:
        key = key[0]
    child = node.children.get(key) if isinstance(key, str) else None
    if child is None:
        _report_no_initial(reading, node, key)
        return (), ()
    return (child.path,), read_actions(reading, node.path, config.get("actions"))


def _report_no_initial(reading: Reading, node: StateNode, key: object) -> None:
    if key is None:
        first = next(iter(node.children), "")
        message = f'it does not say where it begins; add `"initial": "{first}"`, or another of its states'
    else:
        hint = did_you_mean(key.strip(".#") if isinstance(key, str) else "", node.children)
        message = (
            f"`initial` is the name of a state inside it, which {shorten(key)} is not{hint or '; name one of them'}"
        )
    reading.report.error("bad-initial", node.path, message)


def _check_no_initial(reading: Reading, node: StateNode, written: object) -> None:
    if written is None or not isinstance(node.config.get("states", {}), Mapping):
        return
    if node.kind is NodeKind.PARALLEL and isinstance(written, str):
        message = "a parallel state has `initial`: it means nothing there, since all of its states are entered"
        reading.report.note(NOT_CARRIED_OVER, node.path, message)
        return
    message = f"`initial` belongs to a state of which one child is active, and this one is {node.kind}; take it out"
    reading.report.error("bad-initial", node.path, message)


def _read_history(reading: Reading, node: StateNode) -> NodeSpec:
    HISTORY.check(reading.report, node.path, node.config)
    parent = node.parent
    default: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    if parent is not None and node.config.get("target") is not None:
        default = _read_default(reading, node, parent)
    elif parent is not None and parent.kind is NodeKind.COMPOUND:
        _, actions = read_initial(reading, parent)  # falling back to the parent's initial state runs its actions too
    return NodeSpec(
        name=node.key,
        kind=node.kind,
        children=tuple(read_node(reading, child) for child in node.children.values()),
        history_default=default,
        history_actions=actions,
        description=read_description(reading, node.path, node.config),
        meta=read_meta(reading, node.path, node.config),
    )


def _read_default(reading: Reading, node: StateNode, parent: StateNode) -> tuple[str, ...]:
    found: list[str] = []
    for target in listed(node.config["target"]):
        default = find_inside(reading.tree, parent, target) if isinstance(target, str) and target[:1] != "." else None
        if default is None or default is parent:
            inside = [inner.path.removeprefix(f"{parent.path}.") for inner in parent.walk() if inner is not parent]
            hint = did_you_mean(target.strip(".") if isinstance(target, str) else "", inside)
            message = f"its `target` is {shorten(target)}, which is no state of {parent.path or 'the machine'!r}"
            mend = hint or "; name one, as seen from there"
            reading.report.error("unknown-target", node.path, f"{message}{mend}", breaks=True)
        else:
            found.append(default.path)
    return tuple(found)


def _read_tags(reading: Reading, node: StateNode) -> frozenset[str]:
    tags = listed(node.config.get("tags"))
    texts = [tag for tag in tags if isinstance(tag, str)]
    if len(texts) < len(tags):
        message = f"`tags` is text or a list of texts, not {shorten(node.config['tags'])}; rewrite it"
        reading.report.error("bad-tags", node.path, message)
    return frozenset(texts)


def _read_output(reading: Reading, node: StateNode) -> Any:  # noqa: ANN401 - JSON data
    written = node.config.get("output")
    if written is None:
        return None
    if node.parent is not None and node.kind is not NodeKind.FINAL:
        message = "only a final state has an `output`; move it there, or take it out"
        reading.report.error("bad-output", node.path, message)
        return None
    return read_static(reading.report, node.path, "the `output`", written)
