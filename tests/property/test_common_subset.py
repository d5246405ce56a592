"""Where `transitions` is right it is the oracle: the same configurations, and the same callbacks in the same order.

Twice: for a configuration that both read, and for machine objects of `transitions` that are played and then imported.
Neither has parallel states. A configuration of ours has no transitions from a state into its descendants either, for it
leaves that state, as SCXML has it; an imported machine stays in it, as `transitions` does. What lies outside is in
`tests/semantics/test_transitions_faults.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import shake_256
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from transitions import Machine
from transitions.extensions.nesting import HierarchicalMachine, NestedState

from settle import Statechart
from settle.authoring.findings import Findings
from settle.authoring.imported import read_machine
from settle.core.codec import PlainCodec
from settle.core.compile import compile_machine
from settle.core.spec import MachineSpec
from tests.support.driver import Driver
from tests.support.random_charts import Choices

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
        outside = [path for path in paths if not path.startswith(f"{source}.")]
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


# Machine objects -----------------------------------------------------------------------------------------------------

Seen = list[tuple[tuple[str, ...], list[str]]]
"""For each event, the path of the active leaf, and what the callbacks noted."""


@dataclass
class Player:
    """A random machine object with its model, and the log that all its callbacks write to.

    Callbacks take any arguments, so that the same functions serve both.
    """

    choices: Choices
    log: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    model: Any = field(default_factory=Model)

    def __post_init__(self) -> None:
        pick = self.choices.pick
        self.nested = pick((True, True, True, False))
        self.separator = pick("_./|") if self.nested else "\0"
        for number in range(pick(range(1, 10))):
            self.parents.append(pick(range(-1, number)) if self.nested and number else -1)
        options: dict[str, Any] = {flag: pick((True, False)) for flag in ("auto_transitions", "send_event")}
        for word in ("prepare_event", "before_state_change", "after_state_change", "finalize_event", "on_final"):
            options[word] = self.notes(word)
        self.machine = (self.nested_class() if self.nested else Machine)(
            self.model,
            states=self.states(-1),
            initial=self.name(pick(range(len(self.parents)))),
            transitions=self.transitions(-1, pick(range(2, 15))),
            ignore_invalid_triggers=True,
            **options,
        )

    def nested_class(self) -> type[HierarchicalMachine]:
        state = type("State", (NestedState,), {"separator": self.separator})
        return type("Machine", (HierarchicalMachine,), {"state_cls": state})

    def path(self, number: int) -> tuple[str, ...]:
        return (*(self.path(self.parents[number]) if self.parents[number] >= 0 else ()), f"s{number}")

    def name(self, number: int, scope: int = -1) -> str:
        return self.separator.join(self.path(number)[len(self.path(scope)) if scope >= 0 else 0 :])

    def inside(self, scope: int) -> list[int]:
        """Return the states inside one, all of them for -1."""
        children = [number for number, parent in enumerate(self.parents) if parent == scope]
        return [each for child in children for each in (child, *self.inside(child))]

    def states(self, holder: int) -> list[dict[str, Any]]:
        found = []
        for number in (number for number, parent in enumerate(self.parents) if parent == holder):
            words: dict[str, Any] = {"name": f"s{number}", "final": self.choices.one_in(5)}
            words |= {word: self.notes(f"{word} {number}") for word in ("on_enter", "on_exit")}
            if self.nested:
                words["on_final"] = self.notes(f"on_final {number}")
                words["children"] = self.states(number)
            if words.get("children"):
                initial = self.choices.pick([child["name"] for child in words["children"]])
                words["initial"] = None if self.choices.one_in(9) else initial
                words["transitions"] = self.transitions(number, self.choices.pick((0, 0, 1, 3)))
            found.append(words)
        return found

    def transitions(self, scope: int, count: int) -> list[dict[str, Any]]:
        return [self.transition(scope, f"{scope}.{place}") for place in range(count)]

    def transition(self, scope: int, label: str) -> dict[str, Any]:
        dest = self.choices.pick([*self.inside(scope), None])
        counts = {"conditions": self.choices.pick((0, 0, 1, 2)), "unless": self.choices.pick((0, 0, 0, 1))}
        answers = {
            "conditions": (True, True, True, 1, False, None, "yes"),
            "unless": (False, False, False, 0, None, True),
        }
        return {
            "trigger": self.choices.pick(EVENTS),
            "source": self.name(self.choices.pick(self.inside(scope)), scope),
            "dest": None if dest is None else self.name(dest, scope),
            **{word: self.notes(f"{word} {label}") for word in ("prepare", "before", "after")},
            **{
                word: [self.note(f"{word} {label}.{n}", self.choices.pick(answers[word])) for n in range(counts[word])]
                for word in counts
            },
        }

    def notes(self, word: str) -> list[Callable[..., Any]]:
        return [] if self.choices.one_in(3) else [self.note(word)]

    def note(self, word: str, answer: object = None) -> Callable[..., Any]:
        def callback(*_: object) -> object:
            self.log.append(word)
            return answer

        callback.__name__ = word
        return callback

    def play(self, events: list[str]) -> Seen:
        """Let `transitions` run; what `finalize_event` notes of events that nothing takes is left out."""
        seen: Seen = []
        for event in events:
            self.log.clear()
            taken = self.model.trigger(event)
            noted = [word for word in self.log if taken or word != "finalize_event"]
            seen.append((tuple(self.model.state.split(self.separator)), noted))
        return seen

    def play_imported(self, events: list[str]) -> tuple[Seen, list[str]]:
        """Let ours run; return also what the import said to lie outside the common subset."""
        findings = Findings()
        spec = MachineSpec(id="m", version=1, root=read_machine(self.machine, findings=findings), context=PlainCodec())
        assert not findings.errors
        driver = Driver(compile_machine(spec))
        seen: Seen = []
        for event in events:
            self.log.clear()
            (leaf,) = driver.send(event).configuration
            seen.append((tuple(leaf.split(".")), list(self.log)))
        return seen, [each.message for each in findings.warnings if each.code == "outside-common-subset"]


def compare(data: bytes, events: list[str]) -> bool:
    """Compare both on one machine; tell whether all of it lies inside the common subset."""
    player = Player(Choices(data))
    upstream = player.play(events)
    ours, outside = player.play_imported(events)
    if not outside:
        assert ours == upstream
    elif all("entered again" in message for message in outside):
        assert [path for path, _ in ours] == [path for path, _ in upstream]
    return not outside


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=100, max_size=600), st.lists(st.sampled_from(EVENTS), min_size=1, max_size=12))
def test_imported_machines_do_what_they_did(data: bytes, events: list[str]) -> None:
    compare(data, events)


def test_most_random_machines_lie_inside_the_common_subset() -> None:
    """So that the comparison is not empty: 150 fixed machines, each a hash of its number."""
    inside = [compare(shake_256(b"%d" % number).digest(600), list(EVENTS) * 4) for number in range(150)]
    assert sum(inside) > 75
