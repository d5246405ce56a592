"""The states and transitions of a machine object as nodes.

Where the callbacks of `transitions` stand here, in the order in which both run them:

    prepare_event, prepare          before, where no condition follows; else a condition that always holds
    conditions, unless              guards
    before_state_change, before     before
    on_exit                         exit
    on_enter                        entry
    on_final                        entry of the final state: its own, of those around it, of the machine
    after, after_state_change       after
    finalize_event                  after
"""

from collections.abc import Iterable, Sequence

from settle.authoring.findings import Findings
from settle.authoring.imported.callbacks import Callbacks
from settle.authoring.imported.outline import Arrow, Outline, is_inside, parent_of
from settle.authoring.imported.upstream import UpstreamMachine, families
from settle.core.event import DONE_STATE
from settle.core.spec import (
    REJECTED,
    SEPARATOR,
    Action,
    NodeKind,
    NodeSpec,
    TransitionKind,
    TransitionSpec,
)


class NodeReader:
    """Makes the nodes of one machine."""

    def __init__(self, machine: UpstreamMachine, outline: Outline, callbacks: Callbacks, findings: Findings) -> None:
        self._machine, self._outline, self._callbacks, self._findings = machine, outline, callbacks, findings
        self._before = callbacks.actions(machine.before_state_change, "")
        self._after = callbacks.actions((*machine.after_state_change, *machine.finalize_event), "")
        self._arrows: dict[str, list[Arrow]] = {path: [] for path in outline.states}
        for arrow in outline.arrows:
            self._arrows[arrow.source].append(arrow)

    def root(self) -> NodeSpec:
        """Return the machine as a node."""
        parallel = "" in self._outline.parallel
        if parallel and self._machine.on_final:
            message = "`on_final` of a parallel machine is left out; put it on a state around its regions"
            self._findings.warn("on-final", "", message)
        return NodeSpec(
            name="",
            kind=NodeKind.PARALLEL if parallel else NodeKind.COMPOUND,
            children=self._children(""),
            initial=() if parallel else self._outline.initial[""],
        )

    # Nodes -----------------------------------------------------------------------------------------------------------

    def _children(self, path: str) -> tuple[NodeSpec, ...]:
        return tuple(self._node(child) for child in self._outline.children[path])

    def _node(self, path: str) -> NodeSpec:
        state, children = self._outline.states[path], self._children(path)
        kind, refuses = self._kind(path), self._refuses(path)
        exits = self._callbacks.actions(state.on_exit, path)
        if kind is NodeKind.FINAL and not parent_of(path) and "" not in self._outline.parallel:
            exits = ()  # in `transitions` nothing ever leaves it; here the end of the machine does
        return NodeSpec(
            name=_name(path),
            kind=kind,
            children=children,
            initial=self._outline.initial[path] if kind is NodeKind.COMPOUND else (),
            entry=() if refuses else (*self._callbacks.actions(state.on_enter, path), *self._on_final(path)),
            exit=exits,
            transitions=(
                *(self._transition(arrow) for arrow in self._arrows[path]),
                *self._timeouts(path),
                *self._regions_done(path, kind, children),
            ),
            tags=self._tags(path) | ({REJECTED} if refuses else set()),
        )

    def _kind(self, path: str) -> NodeKind:
        if self._is_final(path):
            goes_on = [
                word
                for word, there in (
                    ("transitions", self._arrows[path]),
                    ("a timeout", self._timeout(path)),
                )
                if there
            ]
            if not goes_on:
                return NodeKind.FINAL
            message = (
                f"it is `final` and goes on, for it has {' and '.join(goes_on)}, so here it is an ordinary state and no"
                " end; name the sources of its transitions instead of `*`, or drop `final`"
            )
            self._findings.warn("final-state-continues", path, message)
        if not self._outline.children[path]:
            return NodeKind.ATOMIC
        return NodeKind.PARALLEL if path in self._outline.parallel else NodeKind.COMPOUND

    def _is_final(self, path: str) -> bool:
        """Whether entering a state is an end for `transitions`, which does not ask that of a state with children."""
        return bool(getattr(self._outline.states[path], "final", False)) and not self._outline.children[path]

    def _tags(self, path: str) -> frozenset[str]:
        tags = getattr(self._outline.states[path], "tags", None) or ()
        listed = (tags,) if isinstance(tags, str) else tuple(tags)
        if not all(isinstance(tag, str) for tag in listed):
            self._findings.error("bad-tags", path, f"`tags` is a list of text, not {tags!r}; correct it")
            return frozenset()
        return frozenset(listed)

    def _refuses(self, path: str) -> bool:
        """Whether a state has the feature `Error` and raises when it is entered: nothing leads on from it."""
        if "Error" not in families(self._outline.states[path]) or self._outline.automatic:
            return False
        accepted = "accepted" in self._tags(path)
        if accepted or any(arrow.source == path or is_inside(path, arrow.source) for arrow in self._outline.arrows):
            return False
        message = (
            "it is an error state, which raises in `transitions`: here it is tagged `rejected`, so that an event that"
            " leads to it is refused and changes nothing; tag it `accepted`, or `rejected` yourself"
        )
        self._findings.warn("error-state", path, message)
        return True

    # Transitions -----------------------------------------------------------------------------------------------------

    def _transition(self, arrow: Arrow) -> TransitionSpec:
        item, node = arrow.item, arrow.source
        prepared = (*(self._machine.prepare_event if arrow.opens else ()), *item.prepare)
        conditions = tuple(self._callbacks.condition(condition, node) for condition in item.conditions)
        down = not arrow.scope and arrow.target is not None and is_inside(arrow.target, node)
        return TransitionSpec(
            event=arrow.trigger,
            targets=() if arrow.target is None else (arrow.target,),
            guards=(*(self._callbacks.preparation(each, node) for each in prepared), *conditions) if conditions else (),
            before=(
                *(() if conditions else self._callbacks.actions(prepared, node)),
                *self._before,
                *self._callbacks.actions(item.before, node),
            ),
            after=(*self._callbacks.actions(item.after, node), *self._after),
            kind=TransitionKind.LOCAL if down else TransitionKind.EXTERNAL,
        )

    def _timeout(self, path: str) -> float:
        timeout: float = getattr(self._outline.states[path], "timeout", 0) or 0
        return timeout

    def _timeouts(self, path: str) -> Iterable[TransitionSpec]:
        timeout = self._timeout(path)
        if timeout:
            callbacks: Sequence[object] = getattr(self._outline.states[path], "on_timeout", ())
            yield TransitionSpec(
                actions=self._callbacks.actions(callbacks, path, alone=True),
                delay=self._callbacks.delay(timeout, path),
            )

    # Final states ----------------------------------------------------------------------------------------------------

    def _on_final(self, path: str) -> tuple[Action, ...]:
        return self._announce(path) if self._is_final(path) else ()

    def _regions_done(self, path: str, kind: NodeKind, children: tuple[NodeSpec, ...]) -> Iterable[TransitionSpec]:
        """Yield what calls `on_final` of a parallel state and of those around it, when all its regions have ended."""
        if kind is not NodeKind.PARALLEL or not all(map(_can_end, children)):
            return
        actions = self._announce(path)
        if actions:
            yield TransitionSpec(event=f"{DONE_STATE}{path}", actions=actions)

    def _announce(self, path: str) -> tuple[Action, ...]:
        """Return `on_final` of a state and of those around it, up to one that has to wait for other regions."""
        found: list[Action] = []
        while path:
            callbacks: Sequence[object] = getattr(self._outline.states[path], "on_final", ())
            found += self._callbacks.actions(callbacks, path)
            path = parent_of(path)
            if path in self._outline.parallel:
                return tuple(found)
        return (*found, *self._callbacks.actions(self._machine.on_final, ""))


def _can_end(node: NodeSpec) -> bool:
    if node.kind is NodeKind.PARALLEL:
        return all(map(_can_end, node.children))
    return any(child.kind is NodeKind.FINAL for child in node.children)


def _name(path: str) -> str:
    return path.rpartition(SEPARATOR)[2]
