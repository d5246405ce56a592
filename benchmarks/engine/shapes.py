"""Shapes of machines, in any size: flat, wide and deep."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_LEVELS: Final = 10
"""States on the way from the top to a leaf of the deep shape."""

Words = Mapping[str, Any]
"""What `Statechart` is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A family of machines.

    Attributes:
        name: what it is.
        words: the machine with so many states, or a few less.
        events: one pass.
        leaves: where one pass ends.
    """

    name: str
    words: Callable[[int], Words]
    events: Callable[[int], Sequence[str]]
    leaves: Callable[[int], Sequence[str]]


def _go(trigger: str, source: str, dest: str) -> dict[str, str]:
    return {"trigger": trigger, "source": source, "dest": dest}


def _flat(size: int) -> Words:
    """States in a ring, three events each."""
    steps: dict[str, Callable[[int], int]] = {
        "NEXT": lambda number: number + 1,
        "PREV": lambda number: number - 1,
        "JUMP": lambda number: number * 7 + 3,
    }
    return {
        "initial": "s0",
        "states": [f"s{number}" for number in range(size)],
        "transitions": [
            _go(event, f"s{number}", f"s{where(number) % size}")
            for number in range(size)
            for event, where in steps.items()
        ],
    }


def _regions(size: int) -> range:
    return range(size // 3)


def _wide(size: int) -> Words:
    """Regions of two states, each with an event of its own, and one that all of them take."""
    names = [f"r{number}" for number in _regions(size)]
    return {
        "initial": names,
        "states": [{"name": name, "initial": "off", "children": ["off", "on"]} for name in names],
        "transitions": [
            _go(event, f"{name}.{source}", f"{name}.{dest}")
            for name in names
            for event in (f"FLIP_{name}", "ALL")
            for source, dest in (("off", "on"), ("on", "off"))
        ],
    }


def _wide_leaves(size: int) -> list[str]:
    """Return the leaves after one flip of the first region."""
    return [f"r{number}.{'off' if number else 'on'}" for number in _regions(size)]


def _branch(number: int) -> list[str]:
    return [f"b{number}", *(f"d{level}" for level in range(1, _LEVELS))]


def _nest(names: Sequence[str]) -> dict[str, Any]:
    if len(names) == 1:
        return {"name": names[0]}
    return {"name": names[0], "initial": names[1], "children": [_nest(names[1:])]}


def _deep(size: int) -> Words:
    """Branches of ten levels in a ring; one event is handled by the leaf, one by the outermost state around it."""
    count = size // _LEVELS
    branches = [_branch(number) for number in range(count)]
    return {
        "initial": "b0",
        "states": [_nest(branch) for branch in branches],
        "transitions": [
            _go(event, source, f"b{(number + 1) % count}")
            for number, branch in enumerate(branches)
            for event, source in (("LEAF", ".".join(branch)), ("BRANCH", branch[0]))
        ],
    }


SHAPES: Final = (
    Shape(
        name="flat",
        words=_flat,
        events=lambda _: ["NEXT", "NEXT", "PREV", "JUMP"],
        leaves=lambda size: [f"s{10 % size}"],
    ),
    Shape(
        name="wide, one region moves",
        words=_wide,
        events=lambda size: ["FLIP_r0", f"FLIP_r{size // 6}", f"FLIP_r{size // 6}"],
        leaves=_wide_leaves,
    ),
    Shape(
        name="wide, every region moves",
        words=_wide,
        events=lambda _: ["ALL", "ALL", "ALL"],
        leaves=lambda size: [f"r{number}.on" for number in _regions(size)],
    ),
    Shape(
        name="deep",
        words=_deep,
        events=lambda _: ["LEAF", "BRANCH", "LEAF"],
        leaves=lambda size: [".".join(_branch(3 % (size // _LEVELS)))],
    ),
)
