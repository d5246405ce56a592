"""A machine whose context tells what was applied in which order, and what must become of its events.

`make_machine` and `Model` say the same twice: once as a chart for the runtime, once as plain code that never heard of
queues, batches, journals or crashes. Events carry a number `n`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from settle.core.definition import Definition
from settle.core.service import ServiceCall
from settle.core.spec import NodeSpec, TransitionSpec
from settle.runtime.receipt import Outcome, Position
from tests.support.charts import action, final, guard, invoke, machine, node, on, parallel, settled

CREATE: Final = "settle.create"
ATTEMPTS: Final = 3
SERVICE_SECONDS: Final = 60
GOOD: Final = (*["GO"] * 3, *["SERVE"] * 2, "FLAKY", "HARD", "NO", "GATE", "FOO", "ALIAS", "BOTH")
BAD: Final = ("BAD", "BAD", "DOOM", "BLOAT", "KILL")
NEVER_APPLIED: Final = frozenset({"DOOM", "BLOAT", "KILL"})
QUARANTINE_CODES: Final = {
    "BAD": {"user_code"},
    "DOOM": {"service_failed"},
    "BLOAT": {"snapshot_too_large", "instance_too_large", "attempts_exhausted"},
    "KILL": {"attempts_exhausted"},
}
"""Why an event of a type may be quarantined, beside a deployment that takes its definition away."""


def failures(n: int) -> int:
    """How often a flaky service fails before it answers; with `ATTEMPTS` it never does."""
    return n % (ATTEMPTS + 1)


class World(Protocol):
    """What the machines do things to."""

    mended: set[int]
    """Events whose guard no longer raises."""

    def serve(self, machine_id: str, call: ServiceCall) -> Any:
        """Every service of every machine."""

    def kill(self) -> None:
        """End the process that runs the event."""


def make_machine(name: str, world: World) -> Definition:
    """Return a machine: `boot` begins with a service, `strict` has to be created."""

    def is_bad(_context: object, event: Any) -> bool:
        if event.data["n"] not in world.mended:
            raise RuntimeError("kaboom")
        return True

    def bloat(context: dict[str, Any], _event: object, _do: object) -> None:
        context["fat"] = "x" * 420_000

    def kill(_context: object, _event: object, _do: object) -> None:
        world.kill()

    moves = (
        on("SERVE", "one", actions=(_note("serve"),)),
        on("FLAKY", "flaky"),
        on("HARD", "hard"),
        on("DOOM", "doom"),
        on("ALIAS", "alias"),
        on("BOTH", "both"),
        on("GATE", "gate"),
        on("NO", "rest", guards=(guard("no", lambda _c, _e: False),)),
        on("BAD", guards=(guard("is_bad", is_bad),), actions=(_note("bad"),)),
        on("BLOAT", actions=(action("bloat", bloat),)),
        on("KILL", actions=(action("kill", kill),)),
    )
    rejects = guard("rejects", lambda context, _e: bool(context.get("reject")))
    serving = _serving(partial(world.serve, name))
    boot = serving("boot", "boot", on("done.invoke.boot", "rest", actions=(_note("boot"),)))
    return machine(
        name,
        *([boot] if name == "boot" else []),
        settled("rest", on("", "gate", guards=(rejects,)), on("GO", "alt", actions=(_note("go"),)), *moves),
        settled("alt", on("GO", "rest", actions=(_note("back"),)), *moves),
        node("gate", tags=frozenset({"rejected"})),
        serving("one", "first", on("done.invoke.first", "two", actions=(_note("first"),))),
        serving("two", "second", on("done.invoke.second", "rest", actions=(_note("second"),))),
        serving("hard", "hard", on("error.invoke.hard", "two", actions=(_say("failed"),))),
        serving("doom", "doom", on("done.invoke.doom", "rest")),
        serving("alias", "list", on("done.invoke.list", "flaky", actions=(action("share", _share),))),
        serving(
            "flaky",
            "flaky",
            on("done.invoke.flaky", "two", actions=(_note("ok"),)),
            on("error.invoke.flaky", "rest", actions=(_say("gave up"),)),
        ),
        parallel(
            "both",
            node("x", serving("run", "px", on("done.invoke.px", "both.x.end", actions=(_note("px"),))), final("end")),
            node(
                "y",
                serving(
                    "run",
                    "py",
                    on("done.invoke.py", "both.y.end", actions=(_note("py"),)),
                    on("error.invoke.py", "both.y.end"),
                ),
                final("end"),
            ),
            on("done.state.both", "rest"),
        ),
        create_on_event=name != "strict",
    )


def _serving(serve: Callable[[ServiceCall], Any]) -> Callable[..., NodeSpec]:
    def make(name: str, service: str, *transitions: TransitionSpec) -> NodeSpec:
        return node(name, invoke(service, serve, timeout=SERVICE_SECONDS, attempts=ATTEMPTS), *transitions)

    return make


def _note(prefix: str) -> Any:
    def run(context: dict[str, Any], event: Any, _do: object) -> None:
        context.setdefault("seen", []).append(f"{prefix}{event.data['n']}")

    return action(f"note {prefix}", run)


def _say(text: str) -> Any:
    def run(context: dict[str, Any], _event: object, _do: object) -> None:
        context.setdefault("seen", []).append(text)

    return action(text, run)


def _share(context: dict[str, Any], event: Any, _do: object) -> None:
    """What a careless author writes: the context and the event then share a list."""
    context["last"] = event.data["items"]
    context["last"].append("more")
    context.setdefault("seen", []).append(f"alias{event.data['n']}:{len(context['last'])}")


@dataclass(frozen=True, kw_only=True)
class Sent:
    """An event, or the creation of an instance, that the queue accepted.

    Attributes:
        input_hash: of the creation that it is or came with.
        rejected: whether that creation leads to a rejecting node.
    """

    position: Position
    type: str
    n: int
    key: str = ""
    if_match: int | None = None
    input_hash: str = ""
    rejected: bool = False

    @property
    def is_creation(self) -> bool:
        return self.type == CREATE


@dataclass(frozen=True)
class Skipped:
    """An event that an operator gave up, and whether its instance had started by then."""

    started: bool


@dataclass
class Model:
    """One instance, given its events one after the other.

    Attributes:
        place: the node it stands at; empty before it has started.
        finished: outcome and version by event id, of events with a key.
        trajectory: what it looked like, by version.
        calls: the services that had to be called, by event and name.
    """

    machine: str
    exists: bool = False
    place: str = ""
    version: int = 0
    seen: list[str] = field(default_factory=list)
    input_hash: str = ""
    created_by: int = -1
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
        if came_along and event.position.sequence != self.created_by:
            return self._judge_second(event)
        if self.place:
            return self._judge_second(event) if event.is_creation else self._apply(event)
        if event.rejected or (self.machine == "strict" and not event.is_creation):
            return Outcome.REFUSED
        self._start(event)
        if not event.is_creation:
            return self._apply(event)
        self.input_hash, self.created_by = event.input_hash, event.position.sequence
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
                self.seen.append(f"{'go' if place == 'alt' else 'back'}{n}")
            case "SERVE":
                self.seen.append(f"serve{n}")
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
                self.seen.append(f"bad{n}")
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
        self.seen += [note] if note else []

    def _step(self, place: str) -> None:
        self.place = place
        self.version += 1
        self.trajectory[self.version] = (place, tuple(self.seen))
