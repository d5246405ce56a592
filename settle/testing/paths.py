"""Paths: the shortest ways to every state and transition of a machine, each of which can be driven as a test.

The idea is that of `getShortestPaths` and of the test model in XState (https://stately.ai/docs/graph).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, overload

from settle.core.definition import Definition
from settle.core.service import WAIT_FOR_CALLBACK
from settle.testing.cast import Machine
from settle.testing.errors import HIDDEN, TrialError
from settle.testing.exploring import Explorer, Told, Visit
from settle.testing.footprints import list_states, list_transitions
from settle.testing.history import revive_error
from settle.testing.moves import Advance, Complete, Move, Send, Start
from settle.testing.samples import Choices, Example, read_samples
from settle.testing.setting import Setting, make_setting
from settle.testing.stubs import check_name
from settle.testing.trial import Trial

__tracebackhide__ = HIDDEN

MOST_SITUATIONS: Final = 2_000
"""Situations to know before the search ends; a machine that counts has no end of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A shortest way to a state or a transition.

    Attributes:
        target: the path of the state, or the transition as a sentence.
        moves: what happens on the way, in order.
        states: active leaf states at its end.
        refused_by: the `rejected` state for which its last move is refused; empty when it is not.
        told: what inline services answer on the way, by the ids of their invokes.
        setting: what a trial of the machine is made from.
    """

    target: str
    moves: tuple[Move, ...]
    states: tuple[str, ...]
    refused_by: str
    told: tuple[Told, ...]
    setting: Setting

    def drive(self) -> Trial:
        """Go this way on the real runtime, and return the trial at its end.

        Raises:
            AssertionError: it ends elsewhere.
        """
        trial = self.setting.make()
        for name in dict.fromkeys(name for name, _ in self.told):
            trial.stub(name, answers=[answer for invoke, answer in self.told if invoke == name])
        for invoke in self.setting.definition.invokes.values():
            if not invoke.inline:
                trial.stub(invoke.id, returns=WAIT_FOR_CALLBACK)
        for move in self.moves:
            _make(trial, move)
        stands = trial.state if isinstance(trial.state, tuple) else (trial.state,)
        if stands != self.states or (self.refused_by and trial.reason != f"node:{self.refused_by}"):
            expected = f"{', '.join(self.states)}{f', refused by {self.refused_by}' if self.refused_by else ''}"
            raise AssertionError(f"this way should have led to {expected}, and led to {trial!r}:\n{trial.story}")
        return trial

    def __str__(self) -> str:
        return f"{self.target} by {', '.join(map(str, self.moves))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths(Sequence[Path]):
    """Shortest ways to all that can be reached.

    Attributes:
        found: the ways, in the order of the document.
        missing: states or transitions to which none was found.
        blocked: ways on which the instance is blocked at last, with the error.
        denied: ways on which a rule denies the last move; the first one for each event, its sender and the rule.
        complete: whether every situation was looked at; else the search was given up.
    """

    found: tuple[Path, ...]
    missing: tuple[str, ...]
    blocked: tuple[str, ...]
    denied: tuple[str, ...]
    complete: bool

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Path]: ...
    def __getitem__(self, index: int | slice) -> Path | Sequence[Path]:
        return self.found[index]

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Path]:
        return iter(self.found)

    def __str__(self) -> str:
        lines = [*map(str, self.found), *(f"no way to {each}" for each in self.missing)]
        lines += [f"blocked: {each}" for each in self.blocked]
        return "\n".join([*lines, *(f"denied: {each}" for each in self.denied)])


def paths_to_states(
    machine: Machine,
    events: Sequence[Example] | None = None,
    *,
    services: Mapping[str, Any] | None = None,
    inputs: Sequence[Mapping[str, Any]] = ({},),
    limit: int = MOST_SITUATIONS,
) -> Paths:
    """Return a shortest way to each state.

    Args:
        machine: as `given` takes it.
        events: examples: a type, `(type, data)`, or a dict with `type`, `data`, `principal` and `claims`. Without any,
            each type that needs no data.
        services: what each service, or child, may answer: a list of answers, or the only one. `ServiceError` says that
            it fails.
        inputs: to begin with, one after the other.
        limit: situations to look at; a situation is states, context, and what is live.

    Raises:
        NotStubbedError: a service is begun of which nothing is said.
        TrialError: one of the events is no example.
        SettleError: the machine takes no such event, or no such input.
    """
    search = _Search(setting=make_setting((machine,), services=None, real_services=False), limit=limit)
    names = {name: name for name in list_states(search.definition)}
    return search.run(names, lambda visit: visit.entered, _explorer(search.setting, events, services), inputs)


def paths_to_transitions(
    machine: Machine,
    events: Sequence[Example] | None = None,
    *,
    services: Mapping[str, Any] | None = None,
    inputs: Sequence[Mapping[str, Any]] = ({},),
    limit: int = MOST_SITUATIONS,
) -> Paths:
    """Return a shortest way on which each transition is taken; everything else as in `paths_to_states`."""
    search = _Search(setting=make_setting((machine,), services=None, real_services=False), limit=limit)
    names = dict(enumerate(list_transitions(search.definition)))
    return search.run(names, lambda visit: visit.taken, _explorer(search.setting, events, services), inputs)


def _explorer(setting: Setting, events: Sequence[Example] | None, services: Mapping[str, Any] | None) -> Explorer:
    definition = setting.definition
    if events is not None and not isinstance(events, (list, tuple)):
        raise TrialError(f"events are a list of examples, and not {events!r}; a path is about one machine")
    for name in services or {}:
        check_name(name, (definition,))
    rules = setting.roles[0].rules
    return Explorer(definition, read_samples(definition, events), Choices(definition, services or {}), rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    setting: Setting
    limit: int

    @property
    def definition(self) -> Definition:
        return self.setting.definition

    def run(
        self,
        names: Mapping[Any, str],
        met: Callable[[Visit], Collection[Any]],
        explorer: Explorer,
        inputs: Sequence[Mapping[str, Any]],
    ) -> Paths:
        """Search until everything that has a name was met, or nothing is left to look at."""
        if isinstance(inputs, (Mapping, str)):
            raise TrialError(f"inputs= is a list of what to begin with; write inputs=[{inputs!r}]")
        found: dict[Any, Path] = {}
        blocked: list[str] = []
        denied: dict[tuple[str, str], str] = {}
        for visit in explorer.explore(inputs, self.limit):
            if visit.denied:
                way = ", ".join(map(str, visit.moves))
                denied.setdefault((str(visit.moves[-1]), visit.denied), f"{way}: {visit.denied}")
                continue
            if visit.error:
                blocked.append(f"{', '.join(map(str, visit.moves))}: {visit.error}")
                continue
            for key in met(visit):
                if key in names and key not in found:
                    found[key] = self._path(names[key], visit)
            if len(found) == len(names):
                break
        return Paths(
            found=tuple(found[key] for key in names if key in found),
            missing=tuple(name for key, name in names.items() if key not in found),
            blocked=tuple(blocked),
            denied=tuple(denied.values()),
            complete=not explorer.given_up,
        )

    def _path(self, target: str, visit: Visit) -> Path:
        return Path(
            target=target,
            moves=visit.moves,
            states=visit.situation.snapshot.configuration,
            refused_by=visit.rejected_by,
            told=visit.told,
            setting=self.setting,
        )


def _make(trial: Trial, move: Move) -> None:
    """Make a move on the real runtime."""
    match move:
        case Start(input=given, principal=principal, claims=claims):
            trial.start(given, principal=principal, claims=claims)
        case Send(sample=sample):
            trial.send(sample.type, sample.data, principal=sample.principal, claims=sample.claims)
        case Advance(seconds=seconds):
            trial.advance(seconds)
        case Complete(invoke=invoke, outcome=outcome):
            error = revive_error(outcome.data) if outcome.error else None
            trial.complete(invoke, None if error else outcome.data, error=error)
