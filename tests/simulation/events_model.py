"""What must become of the events of an instance: the machines of `events_chart` once more, in plain code."""

from dataclasses import dataclass, field
from typing import Any, Final

from settle.runtime.receipt import Outcome, Position
from tests.simulation.events_chart import ATTEMPTS, failures

CREATE: Final = "settle.create"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """An event, or the creation of an instance, that the queue accepted.

    Attributes:
        queue: how many queues there were before this one.
        input_hash: of the creation that it is or came with.
        rejected: whether that creation leads to a rejecting node.
        data: of the event.
        was: type and data that it had before operators changed it, the first ones first.
    """

    queue: int
    position: Position
    type: str
    n: int
    key: str = ""
    if_match: int | None = None
    input_hash: str = ""
    rejected: bool = False
    data: Any = None
    was: tuple[tuple[str, Any], ...] = ()

    @property
    def is_creation(self) -> bool:
        return self.type == CREATE

    @property
    def place(self) -> tuple[int, Position]:
        """Where it stands among all that its instance was sent."""
        return self.queue, self.position

    def __str__(self) -> str:
        extra = f" key={self.key[-6:]}" if self.key else ""
        extra += f" if_match={self.if_match}" if self.if_match is not None else ""
        return f"{self.type} {self.n}{extra} at {self.position.sequence % 10**7}.{self.position.index}"


@dataclass(frozen=True)
class Skipped:
    """An event that an operator gave up, and whether its instance had started by then."""

    started: bool


@dataclass
class Model:
    """One instance, given its events one after the other.

    Attributes:
        mark: of the version that it runs on.
        place: the node it stands at; empty before it has started.
        finished: outcome and version by event id, of events with a key.
        trajectory: what it looked like, by version.
        calls: the services that had to be called, by event and name.
    """

    machine: str
    mark: str = ""
    exists: bool = False
    place: str = ""
    version: int = 0
    seen: list[str] = field(default_factory=list)
    input_hash: str = ""
    created_by: tuple[int, int] = (-1, -1)
    finished: dict[str, tuple[Outcome, int]] = field(default_factory=dict)
    trajectory: dict[int, tuple[str, tuple[str, ...]]] = field(default_factory=lambda: {0: ("", ())})
    calls: set[tuple[int, str]] = field(default_factory=set)

    def take(self, event: Sent, skipped: Skipped | None) -> Outcome | None:
        """Return what becomes of an event; None when there is no instance to remember it."""
        if event.key in self.finished:
            return Outcome.DUPLICATE if self.exists else None
        exists = self.exists = self.exists or event.is_creation or self.machine != "strict"
        outcome = self._judge(event) if skipped is None else self._skip(event, skipped)
        if event.key:
            self.finished[event.key] = (outcome, self.version)
        return outcome if exists else None

    def _skip(self, event: Sent, skipped: Skipped) -> Outcome:
        if skipped.started and not self.place:
            self._start(event)
        return Outcome.SKIPPED

    def _judge(self, event: Sent) -> Outcome:
        if event.if_match is not None and event.if_match != self.version:
            return Outcome.PRECONDITION_FAILED
        came_along = bool(event.input_hash) and not event.is_creation
        if came_along and (event.queue, event.position.sequence) != self.created_by:
            return self._judge_second(event)
        if self.place:
            return self._judge_second(event) if event.is_creation else self._apply(event)
        if event.rejected or (self.machine == "strict" and not event.is_creation):
            return Outcome.REFUSED
        self._start(event)
        if not event.is_creation:
            return self._apply(event)
        self.input_hash = event.input_hash
        self.created_by = event.queue, event.position.sequence
        return Outcome.APPLIED

    def _judge_second(self, event: Sent) -> Outcome:
        return Outcome.DUPLICATE if self.place and self.input_hash == event.input_hash else Outcome.REFUSED

    def _start(self, event: Sent) -> None:
        if self.machine == "boot":
            self._serve(event, "boot")
        self._step("rest")

    def _apply(self, event: Sent) -> Outcome:
        n, place = event.n, "rest"
        match event.type:
            case "GO":
                place = "alt" if self.place == "rest" else "rest"
                self._note(f"{'go' if place == 'alt' else 'back'}{n}")
            case "SERVE":
                self._note(f"serve{n}")
                self._serve(event, "first")
                self._serve(event, "second")
            case "FLAKY":
                self._flaky(event)
            case "HARD":
                self._serve(event, "hard", "failed")
                self._serve(event, "second")
            case "ALIAS":
                self._serve(event, "list", f"alias{n}:2")
                self._flaky(event)
            case "BOTH":
                self._serve(event, "px")
                self._serve(event, "py", f"py{n}" if failures(n) < ATTEMPTS else "")
            case "BAD":
                self._note(f"bad{n}")
                place = self.place
            case _:
                return Outcome.IGNORED if event.type == "FOO" else Outcome.REFUSED
        self._step(place)
        return Outcome.APPLIED

    def _flaky(self, event: Sent) -> None:
        if failures(event.n) < ATTEMPTS:
            self._serve(event, "flaky", f"ok{event.n}")
            self._serve(event, "second")
        else:
            self._serve(event, "flaky", "gave up")

    def _serve(self, event: Sent, service: str, note: str | None = None) -> None:
        self.calls.add((event.n, service))
        note = f"{service}{event.n}" if note is None else note
        if note:
            self._note(note)

    def _note(self, text: str) -> None:
        self.seen.append(f"{text}{self.mark}")

    def _step(self, place: str) -> None:
        self.place = place
        self.version += 1
        self.trajectory[self.version] = (place, tuple(self.seen))
