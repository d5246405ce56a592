"""A second interpreter, as plain as it can be: SCXML's appendix D on sets of paths, with the decisions of
`docs/semantics.md`.

It knows no bits, no tables and no memory, and shares no code with the first but the functions that the machine names.
Where the two differ, one of them is wrong.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from settle.core.actions import Actions
from settle.core.effects import Effect, StartService, StopService
from settle.core.event import Event, EventKind
from settle.core.macrostep import Microstep
from settle.core.spec import SEPARATOR, Action, MachineSpec, NodeKind, NodeSpec, TransitionKind, TransitionSpec


class EndlessError(Exception):
    """More microsteps than the limit."""


@dataclass(frozen=True, eq=False)
class Arrow:
    """A transition, with the place in the document that it has."""

    number: int
    source: str
    spec: TransitionSpec


class Tree:
    """A machine as paths in document order; the machine itself is the empty one."""

    def __init__(self, spec: MachineSpec) -> None:
        self.nodes: dict[str, NodeSpec] = {}
        self.parents: dict[str, str | None] = {"": None}
        self._place(spec.root, "")
        self.order = {path: place for place, path in enumerate(self.nodes)}
        held = [(path, each) for path, node in self.nodes.items() for each in node.transitions]
        self.arrows = [Arrow(number, path, each) for number, (path, each) in enumerate(held)]

    def _place(self, spec: NodeSpec, path: str) -> None:
        self.nodes[path] = spec
        for child in spec.children:
            inner = f"{path}{SEPARATOR}{child.name}" if path else child.name
            self.parents[inner] = path
            self._place(child, inner)

    def sort(self, paths: Iterable[str]) -> list[str]:
        return sorted(paths, key=self.order.__getitem__)

    def children(self, path: str) -> list[str]:
        return [
            each for each, parent in self.parents.items() if parent == path and not self.nodes[each].kind.is_history
        ]

    def histories(self, path: str) -> list[str]:
        return [each for each, parent in self.parents.items() if parent == path and self.nodes[each].kind.is_history]

    def ancestors(self, path: str) -> Iterator[str]:
        parent = self.parents[path]
        while parent is not None:
            yield parent
            parent = self.parents[parent]

    def is_inside(self, path: str, other: str) -> bool:
        return other in self.ancestors(path)

    def kind(self, path: str) -> NodeKind:
        return self.nodes[path].kind

    def is_leaf(self, path: str) -> bool:
        return self.kind(path) in {NodeKind.ATOMIC, NodeKind.FINAL}

    def initial(self, path: str) -> list[str]:
        return list(self.nodes[path].initial) or self.children(path)[:1]


@dataclass
class Reference:
    """One instance. `start` and `give` return how the macrostep went; the rest is in the attributes."""

    spec: MachineSpec
    limit: int
    context: Any = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    history: dict[str, tuple[str, ...]] = field(default_factory=dict)
    invokes: dict[str, str] = field(default_factory=dict)
    done: bool = False
    output: Any = None
    entries: int = 0

    def __post_init__(self) -> None:
        self.tree = Tree(self.spec)

    @property
    def configuration(self) -> tuple[str, ...]:
        return tuple(path for path in self.tree.sort(self.active) if self.tree.is_leaf(path))

    def start(self) -> list[Microstep]:
        self._begin()
        self._enter_states([], Event(type="settle.start", kind=EventKind.INTERNAL))
        return self._complete()

    def give(self, event: Event) -> list[Microstep]:
        self._begin()
        if self.done or (event.kind is EventKind.RESULT and event.invoke not in self.invokes):
            return []
        self.invokes.pop(event.invoke, None)
        arrows = self._select(event)
        if not arrows:
            return []
        self._microstep(arrows, event)
        return self._complete()

    # Macrostep -------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.queue: list[Event] = []
        self.effects: list[Effect] = []
        self.steps: list[Microstep] = []
        self.to_invoke: list[str] = []
        self.actions = Actions(self.queue, self.effects, 0.0)

    def _complete(self) -> list[Microstep]:
        while not self.done:
            event = Event(type="", kind=EventKind.INTERNAL)
            arrows = self._select(event)
            if not arrows:
                if not self.queue:
                    break
                event = self.queue.pop(0)
                arrows = self._select(event)
            if arrows:
                self._microstep(arrows, event)
        for path in self.to_invoke:
            for invoke in self.tree.nodes[path].invokes:
                self.entries += 1
                self.invokes[f"{invoke.id}#{self.entries}"] = path
                self.effects.append(StartService(invoke=f"{invoke.id}#{self.entries}"))
        return self.steps

    def _microstep(self, arrows: list[Arrow], event: Event) -> None:
        if len(self.steps) >= self.limit:
            raise EndlessError
        for arrow in arrows:
            self._run(arrow.spec.before, event)
        domains = {arrow: self._domain(arrow) for arrow in arrows if arrow.spec.targets}
        left = self._exit_states(arrows, event)
        for arrow in arrows:
            self._run(arrow.spec.actions, event)
        entered = self._enter_states([(arrow, domains.get(arrow)) for arrow in arrows], event)
        for arrow in arrows:
            self._run(arrow.spec.after, event)
        numbers = tuple(arrow.number for arrow in arrows)
        self.steps[-1] = Microstep(event=event.type, transitions=numbers, exited=tuple(left), entered=tuple(entered))

    # Selection -------------------------------------------------------------------------------------------------------

    def _select(self, event: Event) -> list[Arrow]:
        enabled: list[Arrow] = []
        for leaf in self.configuration:
            arrow = self._first_enabled(leaf, event)
            if arrow is not None and arrow not in enabled:
                enabled.append(arrow)
        return self._without_conflicts(enabled)

    def _first_enabled(self, leaf: str, event: Event) -> Arrow | None:
        for path in (leaf, *self.tree.ancestors(leaf)):
            for arrow in self.tree.arrows:
                if arrow.source == path and _takes(arrow.spec.event, event.type) and self._allows(arrow, event):
                    return arrow
        return None

    def _allows(self, arrow: Arrow, event: Event) -> bool:
        return all(bool(guard.fn(self.context, event)) is not guard.negated for guard in arrow.spec.guards)

    def _without_conflicts(self, enabled: list[Arrow]) -> list[Arrow]:
        kept: list[Arrow] = []
        for one in enabled:
            preempted = False
            removed = []
            for two in kept:
                if self._claims(one) & self._claims(two):
                    if self.tree.is_inside(one.source, two.source):
                        removed.append(two)
                    else:
                        preempted = True
                        break
            if not preempted:
                kept = [each for each in kept if each not in removed]
                kept.append(one)
        return kept

    def _claims(self, arrow: Arrow) -> set[str]:
        return self._exit_set([arrow]) | {arrow.source} if arrow.spec.targets else set()

    def _exit_set(self, arrows: list[Arrow]) -> set[str]:
        domains = [self._domain(arrow) for arrow in arrows if arrow.spec.targets]
        return {path for path in self.active for domain in domains if self.tree.is_inside(path, domain)}

    def _domain(self, arrow: Arrow) -> str:
        targets = [path for target in arrow.spec.targets for path in self._effective(target)]
        source, kind = arrow.source, arrow.spec.kind
        all_inside = all(self.tree.is_inside(target, source) for target in targets)
        if kind is TransitionKind.INTERNAL and self.tree.kind(source) is NodeKind.COMPOUND and all_inside:
            return source
        if kind is TransitionKind.LOCAL and all(t == source or self.tree.is_inside(t, source) for t in targets):
            return source
        for ancestor in self.tree.ancestors(source):
            if all(self.tree.is_inside(target, ancestor) for target in targets):
                return ancestor
        return ""

    def _effective(self, target: str) -> list[str]:
        spec = self.tree.nodes[target]
        if not spec.kind.is_history:
            return [target]
        if target in self.history:
            return list(self.history[target])
        if spec.history_default:
            return [path for default in spec.history_default for path in self._effective(default)]
        parent = self.tree.parents[target] or ""
        if self.tree.kind(parent) is NodeKind.PARALLEL:
            return self.tree.children(parent)
        return [path for initial in self.tree.initial(parent) for path in self._effective(initial)]

    # Leaving ---------------------------------------------------------------------------------------------------------

    def _exit_states(self, arrows: list[Arrow], event: Event) -> list[str]:
        leaving = list(reversed(self.tree.sort(self._exit_set(arrows))))
        for path in leaving:
            for history in self.tree.histories(path):
                deep = self.tree.kind(history) is NodeKind.DEEP_HISTORY
                self.history[history] = tuple(
                    each
                    for each in self.tree.sort(self.active)
                    if (
                        self.tree.is_inside(each, path) and self.tree.is_leaf(each)
                        if deep
                        else self.tree.parents[each] == path
                    )
                )
        for path in leaving:
            self._run(self.tree.nodes[path].exit, event)
            if path in self.to_invoke:
                self.to_invoke.remove(path)
            for key in [key for key, holder in self.invokes.items() if holder == path]:
                del self.invokes[key]
                self.effects.append(StopService(invoke=key))
            self.active.remove(path)
        return leaving

    # Entering --------------------------------------------------------------------------------------------------------

    def _enter_states(self, arrows: list[tuple[Arrow, str | None]], event: Event) -> list[str]:
        self.steps.append(Microstep(event=event.type))
        entering: set[str] = set()
        if not self.active:
            self._add_descendants("", entering)
        for arrow, domain in arrows:
            for target in arrow.spec.targets:
                self._add_descendants(target, entering)
            for target in arrow.spec.targets:
                for path in self._effective(target):
                    self._add_ancestors(path, domain, entering)
        entered = self.tree.sort(entering - self.active)
        for path in entered:
            self.active.add(path)
            self._run(self.tree.nodes[path].entry, event)
            if self.tree.nodes[path].invokes:
                self.to_invoke.append(path)
            if self.tree.kind(path) is NodeKind.FINAL:
                self._announce(path)
        shown = [path for path in entered if path]
        self.steps[-1] = Microstep(event=event.type, entered=tuple(shown))
        return shown

    def _add_descendants(self, path: str, entering: set[str]) -> None:
        kind = self.tree.kind(path)
        if kind.is_history:
            for target in self._effective(path):
                self._add_descendants(target, entering)
            for target in self._effective(path):
                self._add_ancestors(target, self.tree.parents[path], entering)
            return
        entering.add(path)
        if kind is NodeKind.COMPOUND:
            for target in self.tree.initial(path):
                self._add_descendants(target, entering)
            for target in self.tree.initial(path):
                for effective in self._effective(target):
                    self._add_ancestors(effective, path, entering)
        elif kind is NodeKind.PARALLEL:
            self._add_regions(path, entering)

    def _add_ancestors(self, path: str, domain: str | None, entering: set[str]) -> None:
        if domain is None or not self.tree.is_inside(path, domain):
            return
        for ancestor in self.tree.ancestors(path):
            if ancestor == domain:
                if self.tree.kind(ancestor) is NodeKind.PARALLEL:
                    self._add_regions(ancestor, entering)
                return
            entering.add(ancestor)
            if self.tree.kind(ancestor) is NodeKind.PARALLEL:
                self._add_regions(ancestor, entering)

    def _add_regions(self, path: str, entering: set[str]) -> None:
        for child in self.tree.children(path):
            if not any(each == child or self.tree.is_inside(each, child) for each in entering | self.active):
                self._add_descendants(child, entering)

    # Ending ----------------------------------------------------------------------------------------------------------

    def _announce(self, path: str) -> None:
        ended = self.tree.parents[path] or ""
        output = self.tree.nodes[path].output
        if self.tree.kind(ended) is NodeKind.PARALLEL:
            output = None
        around: str | None = ended
        while around is not None and self._has_ended(around):
            if around == "":
                self._finish(output)
                return
            data = {} if output is None else output
            self.queue.append(Event(type=f"done.state.{around}", data=data, kind=EventKind.INTERNAL))
            around, output = self.tree.parents[around], None
            if around is None or self.tree.kind(around) is not NodeKind.PARALLEL:
                return

    def _has_ended(self, path: str) -> bool:
        if self.tree.kind(path) is NodeKind.PARALLEL:
            return all(self._has_ended(child) for child in self.tree.children(path))
        if self.tree.kind(path) is NodeKind.FINAL:
            return path in self.active
        return any(
            self.tree.kind(child) is NodeKind.FINAL and child in self.active for child in self.tree.children(path)
        )

    def _finish(self, output: Any) -> None:
        self.done, self.output = True, output
        self.queue.clear()
        self.to_invoke.clear()
        self.effects += [StopService(invoke=key) for key in self.invokes]
        self.invokes.clear()

    def _run(self, actions: Iterable[Action], event: Event) -> None:
        for action in actions:
            action.fn(self.context, event, self.actions)


def _takes(descriptor: str, event_type: str) -> bool:
    if not descriptor or not event_type:
        return descriptor == event_type
    if descriptor.endswith(".*"):
        return event_type.startswith(descriptor.removesuffix("*"))
    return descriptor in {"*", event_type}
