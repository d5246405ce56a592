"""The common subset: what runs here as it runs in `transitions`, callback by callback; and what lies outside it.

Each rule below was found by comparing both on random machines, and `tests/property/test_common_subset.py` goes on
doing so.
"""

from collections.abc import Iterator
from typing import Final

from settle.authoring.findings import Findings
from settle.authoring.imported.outline import Arrow, Outline, depth_of, is_inside, parent_of

OUTSIDE: Final = "outside-common-subset"
"""Code of a construct that means something else here than in `transitions`."""


def check_subset(outline: Outline, findings: Findings) -> None:
    """Warn of every construct outside the common subset, and of what an instance does when it begins."""
    for path in outline.parallel:
        message = (
            "a parallel state: here its regions move together and see nothing of each other's moves, in `transitions`"
            " one after the other; compare docs/semantics.md, and test its events"
        )
        findings.warn(OUTSIDE, path, message)
    _check_leafless(outline, findings)
    for arrow in outline.arrows:
        _check_reentry(outline, arrow, findings)
    _check_priority(outline, findings)
    _check_beginning(outline, findings)


def _check_leafless(outline: Outline, findings: Findings) -> None:
    """Find states in which `transitions` would rest although they have children."""
    entered = {arrow.target for arrow in outline.arrows} | {
        path for paths in outline.initial.values() for path in paths
    }
    for path, children in outline.children.items():
        if path in entered and children and not outline.initial[path]:
            message = f"it has children and no `initial`: here {children[0]!r} is entered too; give it an `initial`"
            findings.warn(OUTSIDE, path, message)


def _check_reentry(outline: Outline, arrow: Arrow, findings: Findings) -> None:
    """Find transitions that leave and enter more states, or fewer, than in `transitions`; only where one would notice.

    A transition in the machine's list into a descendant keeps there whatever is active on the way down. One in the list
    of a state leaves everything inside that state.
    """
    if arrow.target is None:
        return
    if not arrow.scope and is_inside(arrow.target, arrow.source):
        between = _between(arrow.source, parent_of(arrow.target))
        what = "is left and entered again here, and stays in `transitions`"
    else:
        shared = max(_around(arrow.source) & _around(arrow.target), key=depth_of)
        between = _between(arrow.scope, shared) if arrow.scope else []
        what = "stays here, and is left and entered again in `transitions`"
    for path in between:
        if _reacts(outline, path):
            message = f"on {arrow.trigger!r} to {arrow.target!r}, {path!r} {what}; {_TEST}"
            findings.warn(OUTSIDE, arrow.source, message)


_TEST: Final = "split the transition, or test that its callbacks bear it"


def _check_priority(outline: Outline, findings: Findings) -> None:
    """Find transitions that `transitions` tries before those of a deeper state, since they stand in an inner list."""
    for arrow in (each for each in outline.arrows if each.scope):
        for other in (each for each in outline.arrows if each.trigger == arrow.trigger):
            if depth_of(arrow.scope) > depth_of(other.scope) and is_inside(other.source, arrow.source):
                message = (
                    f"{arrow.trigger!r} in the `transitions` of {arrow.scope!r} is tried before that of the deeper"
                    f" {other.source!r} in `transitions`, and after it here; write both into one list"
                )
                findings.warn(OUTSIDE, arrow.source, message)


def _check_beginning(outline: Outline, findings: Findings) -> None:
    """Find what an instance does when it begins; a model of `transitions` is put into its state in silence."""
    for path in _begin(outline, ""):
        words = [word for word in ("on_enter", "timeout") if getattr(outline.states[path], word, None)]
        if words:
            listed = " and ".join(f"`{word}`" for word in words)
            message = (
                f"an instance begins here, and then its {listed} counts too, unlike in `transitions`; begin in another"
                " state if that is wrong"
            )
            findings.warn("initial-entry", path, message)


def _begin(outline: Outline, path: str) -> Iterator[str]:
    """Yield what is entered by default in a node, outer first."""
    for target in outline.initial[path] or outline.children[path][:1]:
        yield from _between(path, target)
        yield from _begin(outline, target)


def _reacts(outline: Outline, path: str) -> bool:
    state = outline.states[path]
    return bool(state.on_enter or state.on_exit or getattr(state, "timeout", 0))


def _around(path: str) -> set[str]:
    """Return the nodes around one, the machine included."""
    found = {""}
    while path:
        path = parent_of(path)
        found.add(path)
    return found


def _between(outer: str, inner: str) -> list[str]:
    """Return the nodes inside one, down to another of them, outer first."""
    found = []
    while is_inside(inner, outer):
        found.append(inner)
        inner = parent_of(inner)
    return found[::-1]
