"""Where `transitions` is right it is the oracle: the same configurations, and the same callbacks in the same order.

The common subset: no parallel states, no transition from a state into itself or its descendants, and transitions in the
machine's own list. What lies outside is in `tests/semantics/test_transitions_faults.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from transitions.extensions.nesting import HierarchicalMachine, NestedState

from settle import Statechart
from tests.support.driver import Driver

EVENTS = ("A", "B", "C")
Say = Callable[[str], Callable[..., None]]
Decide = Callable[[str, bool], Callable[..., bool]]


class DottedState(NestedState):
    separator = "."


class DottedMachine(HierarchicalMachine):
    state_cls = DottedState


class Model:
    """What `transitions` moves."""


@dataclass(frozen=True)
class Arrow:
    event: str
    source: str
    dest: str | None
    guards: tuple[bool, ...]
    unless: tuple[bool, ...]


@dataclass(frozen=True)
class Chart:
    """A random machine: the parents of its states by number, and its transitions."""

    parents: tuple[int, ...]
    arrows: tuple[Arrow, ...]

    def path(self, number: int) -> str:
        parent = self.parents[number]
        return f"{self.path(parent)}.s{number}" if parent >= 0 else f"s{number}"

    def states(self, say: Say, parent: int = -1) -> list[dict[str, Any]]:
        found = []
        for number in (n for n, holder in enumerate(self.parents) if holder == parent):
            path, children = self.path(number), self.states(say, number)
            state: dict[str, Any] = {"name": f"s{number}", "on_enter": say(f"+{path}"), "on_exit": say(f"-{path}")}
            found.append(state | ({"children": children, "initial": children[-1]["name"]} if children else {}))
        return found

    def transitions(self, say: Say, decide: Decide) -> list[dict[str, Any]]:
        return [
            {
                "trigger": arrow.event,
                "source": arrow.source,
                "dest": arrow.dest,
                "conditions": [decide(f"if {number}.{place}", answer) for place, answer in enumerate(arrow.guards)],
                "unless": [decide(f"unless {number}.{place}", answer) for place, answer in enumerate(arrow.unless)],
                "before": say(f"before {number}"),
                "after": say(f"after {number}"),
            }
            for number, arrow in enumerate(self.arrows)
        ]


@st.composite
def charts(draw: st.DrawFn) -> Chart:
    count = draw(st.integers(1, 9))
    parents = tuple(draw(st.integers(-1, number - 1)) for number in range(count))
    paths = [Chart(parents, ()).path(number) for number in range(count)]
    arrows = []
    for _ in range(draw(st.integers(2, 14))):
        source = draw(st.sampled_from(paths))
        outside = [path for path in paths if path != source and not path.startswith(f"{source}.")]
        dest = draw(st.sampled_from([None, *outside]))
        guards = draw(st.lists(st.sampled_from([True, True, True, False]), max_size=2))
        unless = draw(st.lists(st.sampled_from([False, False, False, True]), max_size=1))
        arrows.append(Arrow(draw(st.sampled_from(EVENTS)), source, dest, tuple(guards), tuple(unless)))
    return Chart(parents, tuple(arrows))


def run_upstream(chart: Chart, events: list[str]) -> list[tuple[str, list[str]]]:
    log: list[str] = []

    def say(word: str) -> Callable[[], None]:
        return lambda: log.append(word)

    def decide(word: str, answer: bool) -> Callable[[], bool]:
        def guard() -> bool:
            log.append(word)
            return answer

        return guard

    model: Any = Model()
    DottedMachine(
        model,
        states=chart.states(say),
        transitions=chart.transitions(say, decide),
        initial="s0",
        auto_transitions=False,
        ignore_invalid_triggers=True,
    )
    seen = []
    for event in events:
        log.clear()
        if hasattr(model, event):
            model.trigger(event)
        seen.append((model.state, list(log)))
    return seen


def run_ours(chart: Chart, events: list[str]) -> list[tuple[str, list[str]]]:
    log: list[str] = []

    def say(word: str) -> Callable[[Any], None]:
        def action(_ctx: Any) -> None:
            log.append(word)

        action.__name__ = word
        return action

    def decide(word: str, answer: bool) -> Callable[[Any], bool]:
        def guard(_ctx: Any) -> bool:
            log.append(word)
            return answer

        guard.__name__ = word
        return guard

    states, transitions = chart.states(say), chart.transitions(say, decide)
    driver = Driver(Statechart(id="m", states=states, transitions=transitions, initial="s0").definition)
    seen = []
    for event in events:
        log.clear()
        (leaf,) = driver.send(event).configuration
        seen.append((leaf, list(log)))
    return seen


@settings(max_examples=200, deadline=None)
@given(charts(), st.lists(st.sampled_from(EVENTS), min_size=1, max_size=12))
def test_configurations_guards_and_callbacks_are_those_of_transitions(chart: Chart, events: list[str]) -> None:
    assert run_ours(chart, events) == run_upstream(chart, events)
