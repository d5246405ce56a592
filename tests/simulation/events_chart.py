"""Machines whose context tells what was applied in which order. Events carry a number `n`.

`tests.simulation.events_model` says the same once more, as plain code that never heard of queues or crashes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from settle.core.definition import Definition
from settle.core.service import ServiceCall
from settle.core.spec import NodeSpec, TransitionSpec
from tests.support.charts import action, final, guard, invoke, machine, node, on, parallel, settled

ATTEMPTS: Final = 3
SERVICE_SECONDS: Final = 60.0
MARKS: Final = {1: "", 2: "*"}
"""What each version of a machine puts behind its notes."""
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

    @property
    def mended(self) -> set[int]:
        """Events whose guard no longer raises."""

    def serve(self, machine_id: str, call: ServiceCall) -> Any:
        """Every service of every machine."""

    def kill(self) -> None:
        """End the process that runs the event."""


def make_machine(name: str, world: World, version: int) -> Definition:
    """Return a machine: `boot` begins with a service, `strict` has to be created. Each version marks its notes."""
    mark = MARKS[version]

    def is_bad(_context: object, event: Any) -> bool:
        if event.data["n"] not in world.mended:
            raise RuntimeError("kaboom")
        return True

    def bloat(context: dict[str, Any], _event: object, _do: object) -> None:
        context["fat"] = "x" * 420_000

    def kill(_context: object, _event: object, _do: object) -> None:
        world.kill()

    moves = (
        on("SERVE", "one", actions=(_note(mark, "serve"),)),
        on("FLAKY", "flaky"),
        on("HARD", "hard"),
        on("DOOM", "doom"),
        on("ALIAS", "alias"),
        on("BOTH", "both"),
        on("GATE", "gate"),
        on("NO", "rest", guards=(guard("no", lambda _c, _e: False),)),
        on("BAD", guards=(guard("is_bad", is_bad),), actions=(_note(mark, "bad"),)),
        on("BLOAT", actions=(action("bloat", bloat),)),
        on("KILL", actions=(action("kill", kill),)),
    )
    rejects = guard("rejects", lambda context, _e: bool(context.get("reject")))
    serving = _serving(partial(world.serve, name))
    boot = serving("boot", "boot", on("done.invoke.boot", "rest", actions=(_note(mark, "boot"),)))
    return machine(
        name,
        *([boot] if name == "boot" else []),
        settled("rest", on("", "gate", guards=(rejects,)), on("GO", "alt", actions=(_note(mark, "go"),)), *moves),
        settled("alt", on("GO", "rest", actions=(_note(mark, "back"),)), *moves),
        node("gate", tags=frozenset({"rejected"})),
        serving("one", "first", on("done.invoke.first", "two", actions=(_note(mark, "first"),))),
        serving("two", "second", on("done.invoke.second", "rest", actions=(_note(mark, "second"),))),
        serving("hard", "hard", on("error.invoke.hard", "two", actions=(_say(mark, "failed"),))),
        serving("doom", "doom", on("done.invoke.doom", "rest")),
        serving("alias", "list", on("done.invoke.list", "flaky", actions=(_share(mark),))),
        serving(
            "flaky",
            "flaky",
            on("done.invoke.flaky", "two", actions=(_note(mark, "ok"),)),
            on("error.invoke.flaky", "rest", actions=(_say(mark, "gave up"),)),
        ),
        parallel(
            "both",
            node(
                "x",
                serving("run", "px", on("done.invoke.px", "both.x.end", actions=(_note(mark, "px"),))),
                final("end"),
            ),
            node(
                "y",
                serving(
                    "run",
                    "py",
                    on("done.invoke.py", "both.y.end", actions=(_note(mark, "py"),)),
                    on("error.invoke.py", "both.y.end"),
                ),
                final("end"),
            ),
            on("done.state.both", "rest"),
        ),
        create_on_event=name != "strict",
        version=version,
    )


def _serving(serve: Callable[[ServiceCall], Any]) -> Callable[..., NodeSpec]:
    def make(name: str, service: str, *transitions: TransitionSpec) -> NodeSpec:
        return node(name, invoke(service, serve, timeout=SERVICE_SECONDS, attempts=ATTEMPTS), *transitions)

    return make


def _note(mark: str, prefix: str) -> Any:
    def run(context: dict[str, Any], event: Any, _do: object) -> None:
        context.setdefault("seen", []).append(f"{prefix}{event.data['n']}{mark}")

    return action(f"note {prefix}", run)


def _say(mark: str, text: str) -> Any:
    def run(context: dict[str, Any], _event: object, _do: object) -> None:
        context.setdefault("seen", []).append(f"{text}{mark}")

    return action(text, run)


def _share(mark: str) -> Any:
    """What a careless author writes: the context and the event then share a list."""

    def run(context: dict[str, Any], event: Any, _do: object) -> None:
        context["last"] = event.data["items"]
        context["last"].append("more")
        context.setdefault("seen", []).append(f"alias{event.data['n']}:{len(context['last'])}{mark}")

    return action("share", run)
