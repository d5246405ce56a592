"""Random charts that XState 5 ran: the same configurations, and the same actions in the same order.

`tests/golden/xstate` holds the cases. Where we differ on purpose, docs/semantics.md or docs/xstate.md says why; every
such difference is counted here by its reason, so that one more or one less is noticed.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from settle import DefinitionError, Statechart
from settle.core.active import Active
from settle.core.configuration import active_tags, load_configuration
from settle.core.definition import Definition, Transition
from settle.core.errors import MicrostepLimitError
from settle.core.event import Event, EventKind
from settle.core.interpreter import start, step
from settle.core.macrostep import Macrostep
from settle.core.snapshot import LiveTimer, Snapshot
from settle.core.spec import TransitionKind

CASES = Path(__file__).parents[1] / "golden" / "xstate"
FUEL = 60
LAST = slice(-1, None)
SILENCED = dict.fromkeys(("never-done", "eventless-cycle"), "XState takes them, and they do no harm in these charts")
Case = Mapping[str, Any]
JSON = Any


# What the names in the charts stand for -------------------------------------------------------------------------------


def note(name: str) -> Callable[[JSON], None]:
    def action(ctx: JSON) -> None:
        ctx["log"].append(name)

    action.__name__ = name
    return action


def add(ctx: JSON, _event: Event, *, by: int) -> None:
    ctx["n"] += by
    ctx["log"].append(f"add {by}")


def emit(ctx: JSON, _event: Event, do: Any, *, event: str) -> None:
    if len(ctx["log"]) < FUEL:
        do.raise_(event)
    ctx["log"].append(f"emit {event}")


def at_least(ctx: JSON, _event: Event, _active: Active, *, n: int) -> bool:
    return bool(ctx["n"] >= n)


def even(ctx: JSON, _event: Event, _active: Active) -> bool:
    return bool(ctx["n"] % 2 == 0)


def never(_ctx: JSON, _event: Event, _active: Active) -> bool:
    return False


def has(_ctx: JSON, event: Event, _active: Active, *, key: str) -> bool:
    return key in event.data


def inside(_ctx: JSON, _event: Event, active: Active, *, path: str) -> bool:
    return active.in_state(path)


def fuel(ctx: JSON, event: Event, active: Active, **params: JSON) -> bool:
    inner = params.get("and", {"type": "fuel"})
    name, more = (inner, {}) if isinstance(inner, str) else (inner["type"], inner.get("params", {}))
    return len(ctx["log"]) < FUEL and (name == "fuel" or bool(GUARDS[name](ctx, event, active, **more)))


GUARDS: dict[str, Callable[..., bool]] = {
    "atLeast": at_least,
    "even": even,
    "never": never,
    "has": has,
    "in": inside,
    "fuel": fuel,
}


def texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from texts(item)


def build(case: Case) -> Definition:
    notes = {name: note(name) for name in texts(case["config"]) if name[:1] in {"+", "-", "!"}}
    implementation = SimpleNamespace(**notes, **GUARDS, add=add, emit=emit)
    config = {**case["config"], "context": {"n": 0, "log": []}}
    return Statechart.from_xstate(config, implementation=implementation, silenced=SILENCED).definition


# Playing --------------------------------------------------------------------------------------------------------------


@dataclass
class Play:
    """A case, played.

    Attributes:
        steps: what each step led to, the start first; several macrosteps where timers fired.
        differs: whether something is not as expected after the last of them, where playing ended.
    """

    case: Case
    definition: Definition
    steps: list[list[Macrostep]]
    differs: bool = False

    @property
    def features(self) -> set[str]:
        return set(self.case["features"])

    @property
    def snapshot(self) -> Snapshot:
        latest: Macrostep = next(macrosteps[-1] for macrosteps in reversed(self.steps) if macrosteps)
        return latest.snapshot

    def taken(self, steps: slice = slice(None)) -> list[Transition]:
        """The transitions that all steps took, or some of them."""
        macrosteps = (macrostep for step in self.steps[steps] for macrostep in step)
        microsteps = (microstep for macrostep in macrosteps for microstep in macrostep.microsteps)
        return [self.definition.transitions[index] for microstep in microsteps for index in microstep.transitions]

    def take(self, event: Event, now: float) -> None:
        self.steps[-1].append(step(self.definition, self.snapshot, event, now))


def play(case: Case) -> Play:
    played = Play(case, build(case), [])
    logged = 0
    for _, expected in zip(run(played), case["expected"], strict=False):
        seen = observe(played, logged)
        logged = len(played.snapshot.context["log"])
        if any(seen[key] != value for key, value in expected.items()):
            played.differs = True
            break
    return played


def run(played: Play) -> Iterator[None]:
    """Pause after the start and after each step."""
    now = 0.0
    played.steps.append([start(played.definition)])
    yield
    for item in played.case["steps"]:
        played.steps.append([])
        if "event" in item:
            played.take(Event(type=item["event"]["type"], data=item["event"].get("data", {})), now)
        else:
            now += item["advance"] / 1000
            while (timer := find_due(played.snapshot, now)) is not None:
                played.take(Event(kind=EventKind.TIMER, key=timer.key), now)
        yield


def find_due(snapshot: Snapshot, now: float) -> LiveTimer | None:
    """Return the timer that fires next; whole microseconds, since sums of seconds are not exact."""
    due = [timer for timer in snapshot.timers if round(timer.due, 6) <= round(now, 6)]
    return min(due, key=lambda timer: (round(timer.due, 6), timer.entry), default=None)


def observe(played: Play, logged: int) -> dict[str, JSON]:
    snapshot = played.snapshot
    return {
        "leaves": list(snapshot.configuration),
        "status": snapshot.status.value,
        "log": snapshot.context["log"][logged:],
        "tags": sorted(active_tags(played.definition, snapshot)),
        "output": snapshot.output,
    }


# Reasons to differ ----------------------------------------------------------------------------------------------------


def machine_itself(played: Play) -> bool:
    """XState leaves and enters the machine itself when a transition that reenters is its own, or leads to it.

    It may show later: the machine's timers begin again.
    """
    return any(t.kind is TransitionKind.EXTERNAL and t.targets and 0 in {t.source, *t.targets} for t in played.taken())


def list_after(played: Play) -> bool:
    """A target that is written in a list under `after` is none to XState."""

    def has_list(config: JSON) -> bool:
        after = config.get("after", {}).values()
        here = any(isinstance(item, str) for items in after if isinstance(items, list) for item in items)
        return here or any(has_list(inner) for inner in config.get("states", {}).values())

    return any(t.delay is not None for t in played.taken(LAST)) and has_list(played.case["config"])


def claimed(played: Play) -> bool:
    """XState runs two transitions of which one leaves what the other claims. The start is not tagged."""
    at_the_start = len(played.steps) == 1 and "met-transitions-together" in played.features
    return "met-clash" in played.features or at_the_start


def entered_again(played: Play) -> bool:
    """XState enters a node that is active, and may set its timers twice."""
    return "met-entered-active" in played.features


REASONS = {reason.__name__: reason for reason in (machine_itself, list_after, claimed, entered_again)}


def read(name: str) -> list[Case]:
    return [json.loads(line) for line in (CASES / name).read_text().splitlines()]


@cache
def plays() -> tuple[list[Play], Counter[str]]:
    """Return the cases that can be built, and how many cannot, by the code of what stands in the way."""
    played, refused = [], Counter[str]()
    for case in read("cases.jsonl"):
        try:
            played.append(play(case))
        except DefinitionError as error:
            refused.update({finding.code for finding in error.findings if finding.severity == "error"})
    return played, refused


def reason_of(played: Play) -> str:
    return next((name for name, reason in REASONS.items() if reason(played)), f"{played.case['name']} has no reason")


def test_we_differ_from_xstate_where_the_documents_say_so() -> None:
    played, _ = plays()
    found = Counter(reason_of(each) for each in played if each.differs)
    assert found == {"machine_itself": 76, "list_after": 10, "claimed": 63, "entered_again": 38}


def test_all_other_cases_are_the_same() -> None:
    played, refused = plays()
    assert (len(played), sum(not each.differs for each in played)) == (1167, 980)
    assert refused == {"bad-transition": 33}


def test_what_breaks_xstate_does_not_break_us() -> None:
    """Configurations stay legal (a step refuses others), and what does not end says so."""
    found: Counter[str] = Counter()
    for case in read("xstate_faults.jsonl"):
        kind = case["fault"]["kind"]
        try:
            played = play(case)
        except (DefinitionError, MicrostepLimitError) as error:
            found[f"{kind}: {error.code}"] += 1
        else:
            load_configuration(played.definition, played.snapshot.configuration)
            found[f"{kind}: {reason_of(played) if played.differs else 'ends'}"] += 1
    assert found == {
        "illegal: ends": 21,
        "illegal: machine_itself": 1,
        "illegal: claimed": 1,
        "illegal: definition": 1,
        "loop: microstep_limit": 89,
        "loop: ends": 4,
        "loop: machine_itself": 2,
        "loop: definition": 5,
    }
