"""A failing history is made short, and says by which number it is had again."""

from collections.abc import Sequence

import pytest

from tests.simulation.acts import Act
from tests.simulation.all_mutants import all_mutants
from tests.simulation.history import tell_failure
from tests.simulation.run import plan_of, run, run_seed
from tests.simulation.shrink import Shrinker


def acts(*kinds: str) -> list[Act]:
    return [Act(number, kind, luck=number) for number, kind in enumerate(kinds)]


def sent_by(act: Act, whole: Sequence[Act]) -> list[str]:
    lines = [line.split() for line in run("events", whole).trace if " is sent " in line]
    return [" ".join(words[:5]) for words in lines if int(words[4]) // 10 == act.number]


def test_only_the_acts_that_it_takes_are_left() -> None:
    def fails(tried: Sequence[Act]) -> bool:
        kinds = [act.kind for act in tried]
        return "send" in kinds and "stall" in kinds[kinds.index("send") :]

    whole = acts("step", "send", "step", "step", "wait", "stall", "step", "send", "step")
    assert [act.kind for act in Shrinker(fails).shrink(whole)] == ["send", "stall"]


def test_a_fault_that_is_not_needed_is_taken_away() -> None:
    whole = [Act(0, "step", luck=0, fault="lost"), Act(1, "step", luck=1, fault="throttled")]

    def fails(tried: Sequence[Act]) -> bool:
        return len(tried) == 2 and tried[0].fault == "lost"

    assert [act.fault for act in Shrinker(fails).shrink(whole)] == ["lost", ""]


def test_shrinking_ends_when_its_time_is_over() -> None:
    whole = acts(*["step"] * 50)
    shrinker = Shrinker(lambda _acts: True, seconds=0.0)
    assert list(shrinker.shrink(whole)) == whole
    assert shrinker.tries == 0


def test_a_broken_promise_is_shown_by_its_shortest_history() -> None:
    mutant = next(each for each in all_mutants() if each.name == "only_the_failing_record_is_listed")
    with pytest.MonkeyPatch.context() as patch:
        mutant.apply(patch)
        result = run_seed(mutant.seed)
        told = tell_failure(mutant.seed, result, seconds=20.0).splitlines()
    assert result.broken is not None
    assert told[0] == f"seed {mutant.seed} (events) breaks a promise; SEED={mutant.seed} shows it again"
    assert int(told[1].split()[0]) < len(plan_of(mutant.seed)) / 4
    assert told[-1].startswith(result.broken[0])


def test_what_a_client_sends_does_not_change_when_other_acts_are_left_out() -> None:
    send = next(act for act in plan_of(5) if act.kind == "send" and sent_by(act, [act]))
    before = [act for act in plan_of(5) if act.kind != "send" and act.number < send.number]
    assert sent_by(send, [send]) == sent_by(send, [*before, send])
