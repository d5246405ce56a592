"""Exploring: every situation that examples of events, answers of services and the passing of time lead a machine to.

Breadth first, so the first way to a situation is a shortest one. A situation is the configuration, the context, what is
live and how long it will still wait. It runs on the settle loop of the consumer, without store and queues.
"""

import hashlib
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from settle.core.configuration import is_settled
from settle.core.definition import Definition
from settle.core.effects import Effect, SendEvent
from settle.core.errors import InputInvalidError, NeverSettlesError, SettleError
from settle.core.event import Event
from settle.core.service import ServiceCall
from settle.core.snapshot import LiveInvoke, Snapshot, Status
from settle.runtime.instance import ServiceOutcome
from settle.runtime.permissions import Rules
from settle.runtime.promises import MAX_HOPS
from settle.runtime.settle_run import SettledRun, run_event, run_start
from settle.testing.asking import Law
from settle.testing.cast import watch
from settle.testing.clock import FIRST_MOMENT
from settle.testing.errors import HIDDEN
from settle.testing.footprints import Footprints
from settle.testing.moves import Advance, Complete, Move, Send, Start
from settle.testing.samples import Choices, Sample, give
from settle.testing.situation import Situation, begin_nowhere, due_event, next_due, result_event

__tracebackhide__ = HIDDEN

MOST_OWN_EVENTS: Final = MAX_HOPS
"""Events that an instance may send to itself, one leading to the next."""
Told = tuple[str, Any]
"""Id of an invoke, and what it answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A situation, and a shortest way to it.

    Attributes:
        moves: the way.
        told: what inline services answered on it, in order.
        situation: where it ends.
        rejected_by: path of the `rejected` state for which the last move was refused; empty when it was not.
        entered: states that the last move entered.
        taken: transitions that it took.
        error: why the last move would block the instance; empty when it does not.
        denied: code of the rule that denies the last move; empty when none does.
    """

    moves: tuple[Move, ...]
    told: tuple[Told, ...]
    situation: Situation
    rejected_by: str = ""
    entered: frozenset[str] = frozenset()
    taken: frozenset[int] = frozenset()
    error: str = ""
    denied: str = ""


class Explorer:
    """Explores a machine.

    Args:
        definition: of the machine.
        samples: events to try.
        choices: what services may answer.
        rules: who may send what.

    Attributes:
        given_up: whether more situations were left than were to be looked at.
    """

    def __init__(self, definition: Definition, samples: tuple[Sample, ...], choices: Choices, rules: Rules) -> None:
        self._law = Law(definition, rules, samples)
        self._definition, self._samples, self._choices = replace(definition), samples, choices
        self.given_up = False
        self._footprints = Footprints()
        watch(self._definition, self._footprints)

    def explore(self, inputs: Sequence[Mapping[str, Any]], limit: int) -> Iterator[Visit]:
        """Yield every way that leads somewhere new, shortest first, until so many situations are known."""
        empty = Visit(moves=(), told=(), situation=begin_nowhere(self._definition))
        known: set[str] = set()
        queue: deque[tuple[Visit, Move]] = deque(
            (empty, self._law.find_creator(Start(input=dict(given)))) for given in inputs
        )
        while queue:
            if len(known) >= limit:
                self.given_up = True
                return
            before, move = queue.popleft()
            for visit in self._make(before, move):
                yield visit
                key = visit.situation.key
                if not visit.error and not visit.denied and key not in known:
                    known.add(key)
                    queue += [(visit, each) for each in self._moves(visit.situation)]

    def _moves(self, situation: Situation) -> Iterator[Move]:
        """Yield what may happen next."""
        snapshot = situation.snapshot
        if snapshot.status is not Status.ACTIVE:
            return
        if is_settled(self._definition, snapshot):
            yield from (Send(sample=sample) for sample in self._samples)
        for live in snapshot.invokes:
            spec = self._definition.invokes[live.id]
            for answer in self._choices.of(spec):
                yield Complete(invoke=live.id, outcome=give(spec, answer, self._caller(live, snapshot, situation.now)))
        due = next_due(situation)
        if due is not None:
            yield Advance(seconds=max(math.ceil((due - situation.now) * 1000) / 1000, 0.0))

    # Making a move, once for every combination of answers ------------------------------------------------------------

    def _make(self, before: Visit, move: Move) -> Iterator[Visit]:
        chosen: list[int] = []
        while True:
            answers = _Answers(self, chosen)
            self._footprints.entered.clear()
            self._footprints.taken.clear()
            yield self._try(before, move, answers)
            made = answers.made
            while made and made[-1][0] + 1 >= made[-1][1]:
                made.pop()
            if not made:
                return
            chosen = [index for index, _ in made[:-1]] + [made[-1][0] + 1]

    def _try(self, before: Visit, move: Move, answers: "_Answers") -> Visit:
        moves = (*before.moves, move)
        try:
            if isinstance(move, Start | Send):
                denied = self._law.judge(move, before.situation.snapshot, len(before.moves))
                if denied:
                    return Visit(moves=moves, told=before.told, situation=before.situation, denied=denied)
            situation, rejected_by = self._go(before.situation, move, answers)
        except InputInvalidError:
            raise
        except SettleError as error:
            return Visit(moves=moves, told=before.told, situation=before.situation, error=str(error))
        return Visit(
            moves=moves,
            told=(*before.told, *answers.told),
            situation=situation,
            rejected_by=rejected_by,
            entered=frozenset(self._footprints.entered),
            taken=frozenset(self._footprints.taken),
        )

    def _go(self, situation: Situation, move: Move, answers: "_Answers") -> tuple[Situation, str]:
        """Return where a move leads, and the `rejected` state for which it is refused."""
        now, snapshot = situation.now, situation.snapshot
        match move:
            case Start(input=given):
                run = run_start(self._definition, dict(given), now, answers.at(now))
            case Send(sample=sample):
                event = Event(type=sample.type, data=sample.data, principal=sample.principal)
                run = run_event(self._definition, snapshot, event, now, answers.at(now))
            case Complete(invoke=invoke, outcome=outcome):
                live = next(each for each in snapshot.invokes if each.id == invoke)
                run = run_event(self._definition, snapshot, result_event(live, outcome), now, answers.at(now))
            case Advance(seconds=seconds):
                return self._wait(replace(situation, now=now + seconds), answers), ""
        if run.rejected_by:
            return situation, run.rejected_by
        return self._keep(situation, run, answers), ""

    def _wait(self, situation: Situation, answers: "_Answers") -> Situation:
        """Let everything happen that is due."""
        due = next_due(situation)
        while due is not None and due <= situation.now and situation.snapshot.status is Status.ACTIVE:
            event = due_event(situation, due)
            run = run_event(self._definition, situation.snapshot, event, situation.now, answers.at(situation.now))
            situation = self._keep(situation, run, answers)
            due = next_due(situation)
        return situation

    def _keep(self, situation: Situation, run: SettledRun, answers: "_Answers") -> Situation:
        """Return where a run leads, with the events that the instance sends to itself."""
        situation = self._after(situation, run)
        for _ in range(MOST_OWN_EVENTS + 1):
            if not situation.own or not is_settled(self._definition, situation.snapshot):
                return situation
            (event_type, data), own = situation.own[0], situation.own[1:]
            event = Event(type=event_type, data=data)
            run = run_event(self._definition, situation.snapshot, event, situation.now, answers.at(situation.now))
            situation = replace(situation, own=own)
            situation = situation if run.rejected_by else self._after(situation, run)
        raise NeverSettlesError(f"{self._definition.machine} sends itself more than {MOST_OWN_EVENTS} events in a row")

    def _after(self, situation: Situation, run: SettledRun) -> Situation:
        own = [(each.type, each.data) for each in run.effects if isinstance(each, SendEvent) and not each.target]
        deadlines = {}
        for live in run.snapshot.invokes:
            spec = self._definition.invokes[live.id]
            if spec.background:
                deadlines[live.key] = situation.deadlines.get(live.key, situation.now + spec.deadline)
        return Situation(snapshot=run.snapshot, now=situation.now, deadlines=deadlines, own=(*situation.own, *own))

    def choose(self, live: LiveInvoke, snapshot: Snapshot, now: float, index: int) -> tuple[Any, ServiceOutcome, int]:
        """Return one of the answers of an inline service, how the call then ends, and how many answers there are."""
        spec = self._definition.invokes[live.id]
        answers = self._choices.of(spec)
        answer = answers[index]
        return answer, give(spec, answer, self._caller(live, snapshot, now)), len(answers)

    def _caller(self, live: LiveInvoke, snapshot: Snapshot, now: float) -> Callable[[], ServiceCall]:
        key = hashlib.sha256(f"{live.key}\n{live.node}".encode()).hexdigest()[:32]
        return lambda: ServiceCall(
            key=key,
            context=self._definition.context.load(snapshot.context),
            machine=self._definition.machine,
            instance="1",
            invoke=live.id,
            event=Event(),
            input=live.input,
            now=now,
        )


class _Answers:
    """Answers the inline services of one move, and asks nothing of the world.

    Args:
        explorer: knows what they may answer.
        chosen: which answer each call gets; the first one, where it says nothing.

    Attributes:
        made: which answer each call got, and of how many.
        told: by which invoke, and what.
    """

    def __init__(self, explorer: Explorer, chosen: list[int]) -> None:
        self._explorer, self._chosen, self._now = explorer, chosen, FIRST_MOMENT
        self.made: list[tuple[int, int]] = []
        self.told: list[Told] = []

    def at(self, now: float) -> "_Answers":
        """Return these answers, given at some time."""
        self._now = now
        return self

    def answer(self, live: LiveInvoke, snapshot: Snapshot) -> ServiceOutcome:
        """Return how an inline service ended."""
        number = len(self.made)
        index = self._chosen[number] if number < len(self._chosen) else 0
        answer, outcome, count = self._explorer.choose(live, snapshot, self._now, index)
        self.made.append((index, count))
        self.told.append((live.id, answer))
        return outcome

    @staticmethod
    def refuse(_effect: Effect, _snapshot: Snapshot) -> ServiceOutcome | None:
        """Refuse nothing."""
        return None
