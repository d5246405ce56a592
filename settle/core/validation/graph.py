"""Strongly connected parts of a directed graph: nodes that can all reach each other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

Edges = Mapping[int, Sequence[int]]


def find_parts(starts: Iterable[int], edges: Edges) -> Iterator[list[int]]:
    """Yield the strongly connected parts that the starts lead to, each one after those that it leads to.

    Tarjan's algorithm, with a stack of its own: a chart may be longer than Python's stack is high.
    """
    search = _Search(edges)
    for start in starts:
        yield from search.run(start)


class _Search:
    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._order: dict[int, int] = {}
        self._low: dict[int, int] = {}
        self._open: list[int] = []
        self._is_open: set[int] = set()

    def run(self, start: int) -> Iterator[list[int]]:
        """Yield the parts that are reached from here and were not before."""
        way = [] if start in self._order else [self._visit(start)]
        while way:
            node, following = way[-1]
            after = next(following, None)
            if after is None:
                way.pop()
                if way:
                    self._note(way[-1][0], self._low[node])
                if self._low[node] == self._order[node]:
                    yield self._close(node)
            elif after not in self._order:
                way.append(self._visit(after))
            elif after in self._is_open:
                self._note(node, self._order[after])

    def _visit(self, node: int) -> tuple[int, Iterator[int]]:
        self._order[node] = self._low[node] = len(self._order)
        self._open.append(node)
        self._is_open.add(node)
        return node, iter(self._edges.get(node, ()))

    def _note(self, node: int, low: int) -> None:
        self._low[node] = min(self._low[node], low)

    def _close(self, first: int) -> list[int]:
        part: list[int] = []
        while not part or part[-1] != first:
            part.append(self._open.pop())
        self._is_open.difference_update(part)
        return part
