"""The machine of the second interpreter: a tree of paths, the machine itself being the empty one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from settle.core.delay import Delay
from settle.core.spec import SEPARATOR, MachineSpec, NodeKind, NodeSpec, TransitionSpec


@dataclass(frozen=True, eq=False)
class Arrow:
    """A transition, with the place in the document that it has."""

    number: int
    source: str
    spec: TransitionSpec

    @property
    def event(self) -> str:
        delay = self.spec.delay
        return self.spec.event if delay is None else f"settle.after.{self.source}@{delay.name}"


class Tree:
    """Nodes by path, in document order."""

    def __init__(self, spec: MachineSpec) -> None:
        self.nodes: dict[str, NodeSpec] = {}
        self.parents: dict[str, str | None] = {"": None}
        self._inside: dict[str, list[str]] = {}
        self._place(spec.root, "")
        self._order = {path: place for place, path in enumerate(self.nodes)}
        held = [(path, each) for path, node in self.nodes.items() for each in node.transitions]
        self.arrows = [Arrow(number, path, each) for number, (path, each) in enumerate(held)]

    def _place(self, spec: NodeSpec, path: str) -> None:
        self.nodes[path], self._inside[path] = spec, []
        for child in spec.children:
            inner = f"{path}{SEPARATOR}{child.name}" if path else child.name
            self.parents[inner] = path
            self._inside[path].append(inner)
            self._place(child, inner)

    def sort(self, paths: Iterable[str]) -> list[str]:
        return sorted(paths, key=self._order.__getitem__)

    def kind(self, path: str) -> NodeKind:
        return self.nodes[path].kind

    def is_leaf(self, path: str) -> bool:
        return self.kind(path) in {NodeKind.ATOMIC, NodeKind.FINAL}

    def children(self, path: str) -> list[str]:
        return [each for each in self._inside[path] if not self.kind(each).is_history]

    def histories(self, path: str) -> list[str]:
        return [each for each in self._inside[path] if self.kind(each).is_history]

    def parent(self, path: str) -> str:
        return self.parents[path] or ""

    def ancestors(self, path: str) -> Iterator[str]:
        parent = self.parents[path]
        while parent is not None:
            yield parent
            parent = self.parents[parent]

    def is_inside(self, path: str, other: str) -> bool:
        return other in self.ancestors(path)

    def initial(self, path: str) -> list[str]:
        """What is entered by default: of a compound node one child or what lies in it, of a parallel one all."""
        children = self.children(path)
        return children if self.kind(path) is NodeKind.PARALLEL else list(self.nodes[path].initial) or children[:1]

    def default(self, history: str) -> list[str]:
        """What a history node stands for while nothing is recorded."""
        return list(self.nodes[history].history_default) or self.initial(self.parent(history))

    def delays(self, path: str) -> list[Delay]:
        """Those of a node's transitions, each once."""
        delays = [each.delay for each in self.nodes[path].transitions if each.delay is not None]
        return list({delay.name: delay for delay in delays}.values())
