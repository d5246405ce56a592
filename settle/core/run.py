"""One macrostep under way: from the event to the configuration in which nothing more happens by itself."""

from typing import Any, Final

from settle.core.bits import iterate
from settle.core.configuration import dump_configuration, is_final
from settle.core.definition import Definition, Node, Transition
from settle.core.errors import MicrostepLimitError
from settle.core.event import DONE_STATE, Event
from settle.core.macrostep import Macrostep, Microstep
from settle.core.performer import Performer
from settle.core.plan import Plan, plan_microstep
from settle.core.selection import find_candidates, select
from settle.core.snapshot import Snapshot, Status
from settle.core.spec import EVENTLESS, NodeKind

MAX_MICROSTEPS: Final = 1000
"""Microsteps that one macrostep may take."""


_ACTIVE: Final = Status.ACTIVE


class Run(Performer):
    """A macrostep from the first selection to its result. Mutable, and gone when it is over."""

    __slots__ = ("_ended", "_history", "_microsteps", "_output", "_status", "_to_invoke")

    def __init__(  # noqa: PLR0913, PLR0917 - what a step is given, and its parts loaded
        self,
        definition: Definition,
        snapshot: Snapshot,
        mask: int,
        event: Event,
        data: Any,  # noqa: ANN401 - JSON data or a model
        now: float,
    ) -> None:
        super().__init__(definition, snapshot, mask, event, data, now)
        self._history, self._status, self._output = snapshot.history, snapshot.status, snapshot.output
        self._to_invoke: list[Node] = []
        self._ended: Node | None = None
        self._microsteps: list[Microstep] = []

    # Entry points ----------------------------------------------------------------------------------------------------

    def begin(self) -> Macrostep:
        """Enter the initial configuration and run to completion."""
        self._take((), self._given[0].type)
        self._complete()
        return self._result()

    def react(self) -> Macrostep:
        """Handle the event and run to completion. Where nothing is taken, the snapshot is the one it began with."""
        event_type = self._given[0].type
        transitions = self.select(event_type)
        refusals = self.refusals
        if transitions:
            self._take(transitions, event_type)
        self._complete()
        if self._microsteps:
            return self._result()
        refused_by = tuple(dict.fromkeys(condition for _, condition in refusals))
        return Macrostep(snapshot=self.snapshot, refused_by=refused_by, errors=tuple(self.errors))

    def stop(self) -> Macrostep:
        """Leave everything, with exit actions; what they raise is dropped."""
        self._leave_for_good(Status.STOPPED)
        return self._result()

    def select(self, event_type: str) -> tuple[Transition, ...]:
        """Return the transitions that an event of this type enables, noting the conditions that did not hold."""
        candidates = find_candidates(self.definition, self.mask, event_type)
        if candidates.certain is not None:
            return candidates.certain
        self.refusals = []
        return select(self.definition, self.mask, event_type, candidates, self._history, self.allows)

    # Running to completion -------------------------------------------------------------------------------------------

    def _complete(self) -> None:
        """Take eventless transitions, then raised events, until neither is left; then begin services."""
        rounds = 0
        while self._status is _ACTIVE:
            rounds += 1
            self._check_limit(rounds)  # events that nothing takes make no microstep, and may raise the next one
            if find_candidates(self.definition, self.mask, EVENTLESS).by_leaf:
                transitions = self.select(EVENTLESS)
                if transitions:
                    self._take(transitions, EVENTLESS)
                    continue
            if not self.queue:
                self._start_invokes()
                if not self.queue:  # what they are given may have raised an error event
                    return
            event_type = self.take_raised()
            transitions = self.select(event_type)
            if transitions:
                self._take(transitions, event_type)

    def _take(self, transitions: tuple[Transition, ...], event_type: str) -> None:
        """Take one microstep."""
        self._check_limit(len(self._microsteps) + 1)
        plan = plan_microstep(self.definition, self.mask, transitions, event_type, self._history)
        self._microsteps.append(plan.report)
        if not plan.quiet:
            self._carry_out(plan)
        self.mask = plan.mask
        if self._ended is not None:
            self._finish(self._ended)

    def _check_limit(self, count: int) -> None:
        if count > MAX_MICROSTEPS:
            where = ", ".join(dump_configuration(self.definition, self.mask))
            message = f"took {MAX_MICROSTEPS} microsteps without coming to rest, now at {where}"
            raise MicrostepLimitError(f"{self.definition.machine} {message}")

    def _carry_out(self, plan: Plan) -> None:
        """Leave, act, enter."""
        for node, block in plan.before:
            self.perform(block, node)
        if plan.records:
            self._history = {**self._history, **dict(plan.records)}
        for leaving in plan.exited:
            self.mask = leaving.mask
            self._leave(leaving.node)
        self.mask = plan.stays
        for node, block in plan.actions:
            self.perform(block, node)
        for entering in plan.entered:
            self.mask = entering.mask
            for block in entering.blocks:
                self.perform(block, entering.node)
            self._enter(entering.node)
        self.mask = plan.mask
        for node, block in plan.after:
            self.perform(block, node)

    def _leave(self, node: Node) -> None:
        if node.exit:
            self.perform(node.exit, node)
        if node.timers:
            self.alive.cancel(lambda timer: timer.node == node.path)
        if node.invokes:
            if node in self._to_invoke:
                self._to_invoke.remove(node)
            self.alive.stop(lambda invoke: invoke.node == node.path)

    def _enter(self, node: Node) -> None:
        for timer in node.timers:
            self.set_timer(timer, node)
        if node.invokes:
            self._to_invoke.append(node)
        if node.kind is NodeKind.FINAL:
            self._announce_final(node)

    def _start_invokes(self) -> None:
        """Begin what the nodes that were entered and are still active invoke, in the order they were entered."""
        nodes, self._to_invoke = self._to_invoke, []
        for node in nodes:
            for invoke in node.invokes:
                failed = len(self.errors)
                given = None if invoke.input is None else self.ask("input", invoke.input, node)
                if len(self.errors) == failed:
                    self.alive.start(invoke, node.path, given)

    # Ending ----------------------------------------------------------------------------------------------------------

    def _announce_final(self, node: Node) -> None:
        """Raise the done events that entering a final node causes: of its parent, then of the parallel nodes around.

        SCXML 3.7 raises that of the nearest parallel node only, so that one whose last region to end is a parallel node
        itself would never end.
        """
        nodes = self.definition.nodes
        ended = nodes[node.parent]
        if ended.index == 0 and ended.kind is NodeKind.COMPOUND:
            self._ended = node
            return
        output = None if ended.kind is NodeKind.PARALLEL else self.ask("output", node.output, node)
        while is_final(self.definition, self.mask, ended):
            if ended.index == 0:
                self._ended = ended
                return
            self._raise_done(ended, output, node)
            ended, output = nodes[ended.parent], None
            if ended.kind is not NodeKind.PARALLEL:
                return

    def _raise_done(self, ended: Node, output: Any, final: Node) -> None:  # noqa: ANN401 - JSON data
        name = getattr(final.output, "__name__", "output")
        self.attempt("output", name, final, lambda: self.raise_event(DONE_STATE + ended.path, output))

    def _finish(self, ended: Node) -> None:
        """End the machine: exit actions run, and its last configuration stays to be read (SCXML's exitInterpreter)."""
        self._leave_for_good(Status.DONE)
        root = self.definition.nodes[0]
        holder = ended if root.output is None else root
        self._output = self.ask("output", holder.output, holder)

    def _leave_for_good(self, status: Status) -> None:
        mask = self.mask
        for node in reversed(tuple(iterate(self.definition.nodes, mask))):
            if node.exit:
                self.perform(node.exit, node)
            self.mask &= ~node.bit
        self.mask, self._status = mask, status
        self.alive.stop(lambda _: True)
        self.alive.cancel(lambda _: True)
        self._to_invoke.clear()

    def _result(self) -> Macrostep:
        if self.breach is not None:
            raise self.breach
        before, live = self.snapshot, self._live or self.snapshot
        snapshot = Snapshot(  # in the order of its fields: by name it takes twice as long, in every step
            before.machine,
            before.machine_version,
            before.definition,
            dump_configuration(self.definition, self.mask),
            self.dumped_context(),
            self._status,
            self._history,
            live.invokes,
            live.timers,
            live.entries,
            self._output,
        )
        return Macrostep(
            snapshot=snapshot,
            effects=tuple(self.effects),
            microsteps=tuple(self._microsteps),
            errors=tuple(self.errors),
        )
