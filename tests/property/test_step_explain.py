"""What `explain` says is what `step` does."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given, settings

import settle.core.run
from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.errors import EventInvalidError, StepError
from settle.core.event import Event
from settle.core.explain import Candidate, Explanation, Verdict, explain
from settle.core.interpreter import STOP_EVENT, step
from settle.core.macrostep import Macrostep
from settle.core.snapshot import Snapshot
from settle.core.spec import MachineSpec, Selection
from tests.support.random_charts import machines
from tests.support.random_walks import Walker, walks, wander

some = settings(max_examples=100)
T = TypeVar("T")
Case = tuple[Explanation, Macrostep | StepError]


@pytest.fixture(autouse=True, scope="module")
def low_limit() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settle.core.run, "MAX_MICROSTEPS", 60)
        yield


def explained(definition: Definition, words: list[str]) -> Iterator[Case]:
    """Yield every explanation of a walk, with what the step does; also of what fails, and of what is not sent next."""
    for turn in wander(definition, words):
        for word in ("A", "B.x", "bad B", "timer 0", "done 0", "stale 0"):
            event = Walker(turn.now).next(word, turn.macrostep.snapshot)
            case = explain_one(definition, turn.macrostep.snapshot, event, turn.now) if event else None
            if case is not None:
                yield case
        if turn.before is not None and turn.event.type != STOP_EVENT:
            case = explain_one(definition, turn.before, turn.event, turn.now)
            assert case is not None
            yield case


def explain_one(definition: Definition, snapshot: Snapshot, event: Event, now: float) -> Case | None:
    """Explain and step. What `step` refuses, `explain` refuses in the same words, and nothing else."""
    kept = deepcopy((snapshot, event))
    done = attempt(step, definition, snapshot, event, now)
    if isinstance(done, EventInvalidError):
        refused = attempt(explain, definition, snapshot, event, now)
        assert (type(refused), str(refused)) == (EventInvalidError, str(done))
        return None
    explanation = explain(definition, snapshot, event, now)
    assert (snapshot, event) == kept
    return explanation, done


def attempt(function: Callable[..., T], *arguments: object) -> T | StepError | EventInvalidError:
    """Return what a function returns or raises."""
    try:
        return function(*arguments)
    except (StepError, EventInvalidError) as error:
        return error


@some
@given(machines(), walks())
def test_it_foretells_the_macrostep_or_why_it_fails(spec: MachineSpec, words: list[str]) -> None:
    for explanation, done in explained(compile_machine(spec), words):
        if isinstance(done, StepError):
            assert (explanation.macrostep, explanation.error) == (None, str(done))
        else:
            assert explanation.error == ""
            assert explanation.macrostep is not None
            assert explanation.macrostep[:-1] == done[:-1]
            assert list(map(str, explanation.macrostep.errors)) == list(map(str, done.errors))


@some
@given(machines(), walks())
def test_what_is_said_to_be_taken_is_taken_first(spec: MachineSpec, words: list[str]) -> None:
    for explanation, done in explained(compile_machine(spec), words):
        taken = [each for each in explanation.candidates if each.verdict is Verdict.TAKEN]
        if not isinstance(done, Macrostep):
            continue
        first = done.microsteps[0] if done.microsteps else None
        if first is None or first.event != explanation.event:  # an eventless one, or one that an error led to
            assert not taken
            continue
        assert sorted(each.transition for each in taken) == sorted(first.transitions)
        if len(taken) == 1:
            assert (taken[0].exits, taken[0].enters) == (first.exited, first.entered)


@some
@given(machines(), walks())
def test_every_refusal_has_its_condition_and_every_conflict_its_winner(spec: MachineSpec, words: list[str]) -> None:
    definition = compile_machine(spec)
    for explanation, done in explained(definition, words):
        by_verdict: dict[Verdict, list[Candidate]] = {verdict: [] for verdict in Verdict}
        for candidate in explanation.candidates:
            by_verdict[candidate.verdict].append(candidate)
        reasons = {candidate.reason for candidate in by_verdict[Verdict.REFUSED]}
        assert "" not in reasons
        if isinstance(done, Macrostep) and not done.taken:
            assert set(done.refused_by) == reasons
        winners = {candidate.source for candidate in by_verdict[Verdict.TAKEN]}
        assert {candidate.reason for candidate in by_verdict[Verdict.CONFLICT]} <= winners
        assert all(candidate.reason == "" for candidate in by_verdict[Verdict.SHADOWED] + by_verdict[Verdict.TAKEN])


@some
@given(machines(), walks())
def test_under_the_rules_of_xstate_what_lies_around_a_taken_transition_was_not_asked(
    spec: MachineSpec, words: list[str]
) -> None:
    definition = compile_machine(replace(spec, selection=Selection.XSTATE))
    for explanation, _ in explained(definition, words):
        taken = [each.source for each in explanation.candidates if each.verdict is Verdict.TAKEN]
        around = {definition.nodes[above].path for path in taken for above in ancestors(definition, path)}
        assert all(each.verdict is Verdict.SHADOWED for each in explanation.candidates if each.source in around)


def ancestors(definition: Definition, path: str) -> tuple[int, ...]:
    return definition.nodes[definition.numbers[path]].ancestors
