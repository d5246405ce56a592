"""Sets of nodes as integers, one bit for each node in document order."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def iterate(nodes: Sequence[T], bits: int) -> Iterator[T]:
    """Yield the nodes of a set in document order."""
    while bits:
        low = bits & -bits
        yield nodes[low.bit_length() - 1]
        bits ^= low
