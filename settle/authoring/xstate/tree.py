"""The states of the file as a tree that targets and ids can be looked up in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from settle.authoring.xstate.report import Config, Report
from settle.authoring.xstate.values import in_js_order, shorten
from settle.core.shape import too_large
from settle.core.spec import MAX_NODES, SEPARATOR, NodeKind

DEFAULT_ID: Final = "(machine)"
"""How XState calls a machine that has no `id`."""
_KINDS: Final = {
    "atomic": NodeKind.ATOMIC,
    "compound": NodeKind.COMPOUND,
    "parallel": NodeKind.PARALLEL,
    "final": NodeKind.FINAL,
    "history": NodeKind.SHALLOW_HISTORY,
}
_HISTORIES: Final = {"shallow": NodeKind.SHALLOW_HISTORY, "deep": NodeKind.DEEP_HISTORY}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StateNode:
    """A state of the file.

    Attributes:
        key: its name among its siblings; empty for the machine itself.
        path: keys from the outermost state to this one; empty for the machine itself.
        id: what `#id` finds: its own, or the machine's id and its path.
        parent: None for the machine itself.
        children: by key, in the order in which XState has them.
    """

    key: str
    path: str
    id: str
    kind: NodeKind
    config: Config
    parent: "StateNode | None"
    children: dict[str, "StateNode"] = field(default_factory=dict)

    def walk(self) -> Iterator["StateNode"]:
        """Yield this state and all inside it, in document order."""
        yield self
        for child in self.children.values():
            yield from child.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All states.

    Attributes:
        root: the machine itself.
        by_id: states by the id that `#id` finds them under.
        by_path: states by path.
    """

    root: StateNode
    by_id: Mapping[str, StateNode]
    by_path: Mapping[str, StateNode]


def build_tree(config: Config, report: Report) -> Tree:
    """Return the states of a machine, and report the ones that cannot be.

    Raises:
        DefinitionError: there are too many to look at each.
    """
    root = _build(config, None, "", "", report)
    by_id: dict[str, StateNode] = {}
    for node in root.walk():
        if node.id in by_id:
            first = by_id[node.id].path or "the machine itself"
            message = f"it has the id {node.id!r}, as {first} has; give it one of its own"
            report.error("duplicate-id", node.path, message)
        by_id[node.id] = node
    return Tree(root=root, by_id=by_id, by_path={node.path: node for node in root.walk()})


def _build(config: Config, parent: StateNode | None, key: str, path: str, report: Report) -> StateNode:
    states = _read_states(config, path, report)
    report.states += 1
    if report.states > MAX_NODES:
        raise too_large("", "nodes", MAX_NODES)
    node = StateNode(
        key=key,
        path=path,
        id=_read_id(config, parent, path, report),
        kind=_read_kind(config, path, report, has_states=bool(states)),
        config=config,
        parent=parent,
    )
    for child_key, value in in_js_order(states):
        child_path = f"{path}{SEPARATOR}{child_key}" if path else child_key
        if not child_key or SEPARATOR in child_key:
            message = f"a state's name is not empty and holds no {SEPARATOR!r}; rename {child_key!r}"
            report.error("bad-node-name", path, message, breaks=True)
        elif not isinstance(value, Mapping):
            message = f"the state {child_key!r} is {shorten(value)}; write an object, which may be empty"
            report.error("bad-state", path, message, breaks=True)
        else:
            node.children[child_key] = _build(value, node, child_key, child_path, report)
    return node


def _read_states(config: Config, path: str, report: Report) -> Config:
    states = config.get("states")
    if states is None or isinstance(states, Mapping):
        return states or {}
    message = f"`states` is an object with a state under each name, not {shorten(states)}; rewrite it"
    report.error("bad-state", path, message, breaks=True)
    return {}


def _read_id(config: Config, parent: StateNode | None, path: str, report: Report) -> str:
    given = config.get("id")
    if given is not None and not isinstance(given, str):
        report.error("bad-id", path, f"an `id` is text, not {shorten(given)}; rewrite it")
    if isinstance(given, str) and given:
        return given
    if parent is None:
        return DEFAULT_ID
    root = parent
    while root.parent is not None:
        root = root.parent
    return f"{root.id}{SEPARATOR}{path}"


def _read_kind(config: Config, path: str, report: Report, *, has_states: bool) -> NodeKind:
    written = config.get("type")
    if written is None and config.get("history") and not has_states:
        written = "history"
    if written is None:
        return NodeKind.COMPOUND if has_states else NodeKind.ATOMIC
    if not isinstance(written, str) or written not in _KINDS:
        message = f"`type` is one of {', '.join(_KINDS)}, not {shorten(written)}; correct it"
        report.error("bad-type", path, message, breaks=True)
        return NodeKind.COMPOUND if has_states else NodeKind.ATOMIC
    return _read_history(config, path, report) if written == "history" else _KINDS[written]


def _read_history(config: Config, path: str, report: Report) -> NodeKind:
    depth = config.get("history")
    if isinstance(depth, str) and depth in _HISTORIES:
        return _HISTORIES[depth]
    if depth is not None and not isinstance(depth, bool):
        message = f"`history` is 'shallow' or 'deep', not {shorten(depth)}; correct it"
        report.error("bad-history", path, message)
    return NodeKind.SHALLOW_HISTORY
