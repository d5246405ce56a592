"""A second interpreter, as plain as it can be: SCXML's appendix D on sets of paths, with the decisions of
`docs/semantics.md`.

It knows no bits, no tables and no memory, and shares no code with the first but the functions that the machine names.
Where the two differ, one of them is wrong.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from settle.core.effects import Effect, SendEvent, StartChild, StartService, StopChild, StopService
from settle.core.event import Event, EventKind
from settle.core.macrostep import Microstep
from settle.core.snapshot import LiveInvoke, Status
from settle.core.spec import InvokeSpec, MachineSpec, NodeKind
from tests.support.reference_choice import Choice, State
from tests.support.reference_code import AbortedError, Code, Fault, RefusedError
from tests.support.reference_entries import Entries
from tests.support.reference_tree import Arrow, Tree


class EndlessError(Exception):
    """More microsteps than the limit, or as many events that were taken from the internal queue."""


@dataclass
class Outcome:
    """How a macrostep went."""

    steps: list[Microstep] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    refused_by: list[str] = field(default_factory=list)
    errors: list[Fault] = field(default_factory=list)


class Reference:
    """One instance. What fails leaves it as it was.

    Attributes:
        state: what it keeps between macrosteps.
    """

    def __init__(self, spec: MachineSpec, limit: int) -> None:
        self._spec, self._limit, self._tree = spec, limit, Tree(spec)
        self.state = State(context=deepcopy(dict(spec.initial_context)))

    @property
    def configuration(self) -> tuple[str, ...]:
        return tuple(path for path in self._tree.sort(self.state.active) if self._tree.is_leaf(path))

    def start(self, now: float) -> Outcome:
        return self._whole(Event(type="settle.start", kind=EventKind.INTERNAL), now)

    def stop(self, now: float) -> Outcome:
        return self._whole(Event(type="settle.stop", kind=EventKind.INTERNAL), now)

    def give(self, event: Event, now: float) -> Outcome:
        return self._whole(event, now)

    def _whole(self, event: Event, now: float) -> Outcome:
        if self.state.status is not Status.ACTIVE:
            return Outcome()
        kept = deepcopy(self.state)
        try:
            return _Macrostep(self._spec, self._tree, self.state, now, self._limit).run(event)
        except Exception:
            self.state = kept
            raise


class _Macrostep:
    """One macrostep under way."""

    def __init__(self, spec: MachineSpec, tree: Tree, state: State, now: float, limit: int) -> None:
        self._spec, self._tree, self._state, self._limit = spec, tree, state, limit
        self._choice = Choice(tree, spec.selection, state)
        self._code = Code(spec, tree, state, now)
        self._steps: list[Microstep] = []
        self._to_invoke: list[str] = []
        self._ending: str | None = None

    def run(self, event: Event) -> Outcome:
        refused: list[str] = []
        if event.kind is EventKind.RESULT or event.kind is EventKind.TIMER:
            taken = self._take_live(event)
            if taken is None:
                return Outcome(effects=self._code.effects)
            event = taken
        self._code.event = self._code.load(event)
        if event.type == "settle.stop":
            self._end(Status.STOPPED)
        else:
            refused = self._begin() if event.type == "settle.start" else self._react()
            self._complete()
        if self._steps or self._state.status is Status.STOPPED:
            self._code.keep_context()
            refused = []
        return Outcome(self._steps, self._code.effects, list(dict.fromkeys(refused)), self._code.errors)

    def _take_live(self, event: Event) -> Event | None:
        """Take what is live away, and return the event that it brings, if any."""
        for live in [each for each in self._state.invokes if each.key == event.key]:
            self._state.invokes.remove(live)
            try:
                self._code.load(event)
            except RefusedError as error:
                raise AbortedError(("service", live.src, live.node)) from error
            return event
        for timer in [each for each in self._state.timers if each.key == event.key]:
            self._state.timers.remove(timer)
            data = {} if timer.data is None else timer.data
            if not timer.target:
                return replace(event, type=timer.type, data=data)
            message = SendEvent(target=timer.target, type=timer.type, data=data, id=timer.id)
            self._code.effects.append(message)
        return None

    def _begin(self) -> list[str]:
        entries = Entries(self._tree, self._state)
        entries.add_descendants("")
        self._steps.append(Microstep(event=self._code.event.type, entered=tuple(entries.paths[1:])))
        self._enter(entries)
        self._end_when_done()
        return []

    def _react(self) -> list[str]:
        arrows = self._choice.select(self._code.event.type, self._code.allows)
        refused = list(self._code.refused)
        if arrows:
            self._microstep(arrows, self._code.event.type)
        return refused

    def _complete(self) -> None:
        rounds = 0
        while self._state.status is Status.ACTIVE:
            rounds += 1
            if rounds > self._limit:
                raise EndlessError
            arrows = self._choice.select("", self._code.allows)
            if arrows:
                self._microstep(arrows, "")
                continue
            if not self._code.queue:
                self._start_invokes()
            if not self._code.queue:
                return
            self._code.event = self._code.queue.pop(0)
            self._react()

    def _microstep(self, arrows: list[Arrow], name: str) -> None:
        if len(self._steps) >= self._limit:
            raise EndlessError
        for arrow in arrows:
            self._code.run(arrow.spec.before, arrow.source)
        domains = {arrow: self._choice.domain(arrow) for arrow in arrows if arrow.spec.targets}
        left = self._leave(arrows)
        for arrow in arrows:
            self._code.run(arrow.spec.actions, arrow.source)
        entries = Entries(self._tree, self._state)
        for arrow, domain in domains.items():
            for target in arrow.spec.targets:
                entries.add_descendants(target)
            for target in arrow.spec.targets:
                for path in self._choice.effective(target):
                    entries.add_ancestors(path, domain)
        numbers, entered = tuple(arrow.number for arrow in arrows), tuple(entries.paths)
        self._steps.append(Microstep(event=name, transitions=numbers, exited=tuple(left), entered=entered))
        self._enter(entries)
        for arrow in arrows:
            self._code.run(arrow.spec.after, arrow.source)
        self._end_when_done()

    # Leaving and entering --------------------------------------------------------------------------------------------

    def _leave(self, arrows: list[Arrow]) -> list[str]:
        leaving = list(reversed(self._tree.sort(self._choice.exit_set(arrows))))
        for path in leaving:
            for history in self._tree.histories(path):
                self._state.history[history] = self._remember(history, path)
        for path in leaving:
            self._code.run(self._tree.nodes[path].exit, path)
            self._code.cancel_timers([each for each in self._state.timers if each.node == path])
            if path in self._to_invoke:
                self._to_invoke.remove(path)
            self._stop_invokes([each for each in self._state.invokes if each.node == path])
            self._state.active.remove(path)
        return leaving

    def _remember(self, history: str, parent: str) -> tuple[str, ...]:
        active = [path for path in self._tree.sort(self._state.active) if self._tree.is_inside(path, parent)]
        if self._tree.kind(history) is NodeKind.DEEP_HISTORY:
            return tuple(path for path in active if self._tree.is_leaf(path))
        return tuple(path for path in active if self._tree.parent(path) == parent)

    def _enter(self, entries: Entries) -> None:
        for path in entries.paths:
            self._state.active.add(path)
            for block in entries.blocks(path):
                self._code.run(block, path)
            self._code.set_timers(path)
            if self._tree.nodes[path].invokes:
                self._to_invoke.append(path)
            if self._tree.kind(path) is NodeKind.FINAL:
                self._announce(path)

    # Services and children -------------------------------------------------------------------------------------------

    def _start_invokes(self) -> None:
        starting = [(path, invoke) for path in self._to_invoke for invoke in self._tree.nodes[path].invokes]
        self._to_invoke = []
        for path, invoke in starting:
            failed = len(self._code.errors)
            given = self._code.ask("input", invoke.input, path)
            if len(self._code.errors) > failed:
                continue
            self._state.entries += 1
            live = LiveInvoke(id=invoke.id, entry=self._state.entries, node=path, src=invoke.src, input=given)
            self._state.invokes.append(live)
            begin = StartChild if invoke.machine else StartService
            self._code.effects.append(begin(invoke=live.key))

    def _stop_invokes(self, invokes: list[LiveInvoke]) -> None:
        for live in invokes:
            self._state.invokes.remove(live)
            if self._spec_of(live).machine:
                self._code.take_back(StartChild(invoke=live.key), StopChild(invoke=live.key))
            else:
                self._code.take_back(StartService(invoke=live.key), StopService(invoke=live.key))

    def _spec_of(self, live: LiveInvoke) -> InvokeSpec:
        return next(each for each in self._tree.nodes[live.node].invokes if each.id == live.id)

    # Ending ----------------------------------------------------------------------------------------------------------

    def _announce(self, path: str) -> None:
        ended, spec = self._tree.parent(path), self._tree.nodes[path]
        if ended == "" and self._tree.kind("") is NodeKind.COMPOUND:
            self._ending = path
            return
        output: Any = None
        if self._tree.kind(ended) is NodeKind.COMPOUND:
            output = self._code.ask("output", spec.output, path)
        fault = ("output", getattr(spec.output, "__name__", "output"), path)
        while self._has_ended(ended):
            if ended == "":
                self._ending = ""
                return
            self._code.announce(f"done.state.{ended}", output, fault)
            ended, output = self._tree.parent(ended), None
            if self._tree.kind(ended) is not NodeKind.PARALLEL:
                return

    def _has_ended(self, path: str) -> bool:
        if self._tree.kind(path) is NodeKind.FINAL:
            return path in self._state.active
        children = self._tree.children(path)
        if self._tree.kind(path) is NodeKind.PARALLEL:
            return all(self._has_ended(child) for child in children)
        return any(self._tree.kind(child) is NodeKind.FINAL and child in self._state.active for child in children)

    def _end_when_done(self) -> None:
        if self._ending is not None:
            self._end(Status.DONE)
            holder = self._ending if self._spec.root.output is None else ""
            self._state.output = self._code.ask("output", self._tree.nodes[holder].output, holder)

    def _end(self, status: Status) -> None:
        active = set(self._state.active)
        for path in reversed(self._tree.sort(active)):
            self._code.run(self._tree.nodes[path].exit, path)
            self._state.active.remove(path)
        self._state.active |= active
        self._state.status = status
        self._stop_invokes(list(self._state.invokes))
        self._code.cancel_timers(self._state.timers)
