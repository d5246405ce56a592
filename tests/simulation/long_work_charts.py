"""Machines that use everything which outlives an invocation, and note in their context whatever happens to them.

Each record of the log is what one action saw. `left` names a node with something live in it that was exited. A `life`
is a number that an instance is created with and puts into all that it asks for: nothing of another life may come back.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from settle.core.definition import Definition
from settle.core.delay import Delay
from settle.core.service import ServiceCall
from settle.core.spec import Delivery, InvokeMode, InvokeSpec, NodeSpec, TransitionKind, TransitionSpec
from tests.support.charts import action, final, guard, invoke, machine, node, on, parallel, settled

HOUR: Final = 3600.0
RETENTION: Final = {"m": 90.0, "kid": HOUR, "s": None}
"""Kept after their end, by machine. Only `m` is created by events."""
IDLE: Final = "live.rest.idle"
BACKGROUND: Final[dict[str, dict[str, Any]]] = {
    "plain": {"deadline": 2000.0},
    "flaky": {"backoff": 5.0, "deadline": 400.0},
    "lazy": {"backoff": 200.0, "deadline": 100.0},
    "once": {"delivery": Delivery.AT_MOST_ONCE, "attempts": 1},
    "ask": {"deadline": 1200.0},
}
"""Services in the background: `lazy` is never done in time, `ask` waits for a callback."""
ATTEMPTS: Final = 3
SERVICE_SECONDS: Final = 60.0
KINDS: Final = ("timer", "ask", "work", "forever", "nest", "gate", "bad")
"""What children do: end by themselves, ask their parent, wait for ever, have a child, refuse to start, block."""
TIMEOUT: Final = "settle.after."

Record = dict[str, Any]
Act = Callable[[dict[str, Any], Any, Any], None]


class World(Protocol):
    """What the machines do things to."""

    @property
    def mended(self) -> set[int]:
        """Events that no longer raise."""

    def serve(self, machine_id: str, call: ServiceCall) -> Any:
        """Be every service of every machine."""


def make_machines(world: World) -> list[Definition]:
    """Return the machines: `m` and `s`, which differ in how they begin, and `kid`, which is their child."""
    return [_make_parent("m", world), _make_parent("s", world), _make_kid(world)]


def _make_parent(name: str, world: World) -> Definition:
    chart = _Chart(name, world, "live.busy")
    rest: list[NodeSpec] = [settled("idle")]
    busy: list[NodeSpec] = []
    for place, nodes in (("rest", rest), ("busy", busy)):
        prefix = "b" if place == "busy" else ""
        nodes += [chart.serving(place, prefix + each, options) for each, options in BACKGROUND.items()]
        nodes += [chart.waiting(place, prefix + "soon"), chart.parent(place, prefix + "kid")]
    rest.append(chart.waiting("rest", "later"))
    rest.append(chart.both())
    inline = node(
        "inline", invoke("inline", chart.serve, input=_given, timeout=SERVICE_SECONDS), *chart.outcomes("inline", IDLE)
    )
    live = node(
        "live",
        node("rest", *rest, tags=frozenset({"settled"})),
        node("busy", *busy, inline),
        *chart.goes([each.name for each in (*rest, *busy)]),
        *chart.everywhere(),
        exit=(action("bye", lambda c, _e, do: do.send("m/2", "BYE", {"life": c["life"], "bye": True})),),
    )
    return machine(
        name,
        live,
        node("gate", tags=frozenset({"rejected"})),
        final("over"),
        initial_context={"life": 0, "log": [], "delay": 0, "sour": 0, "n": 0, "kind": ""},
        create_on_event=name == "m",
        retention=RETENTION[name],
    )


class _Chart:
    """Makes the nodes of one machine."""

    def __init__(self, name: str, world: World, busy: str) -> None:
        self._name, self._world, self._busy = name, world, busy

    def serve(self, call: ServiceCall) -> Any:
        return self._world.serve(self._name, call)

    def take(self, event: str, *targets: str, then: Act | None = None, **more: Any) -> TransitionSpec:
        """A transition that is noted; what raises does so before."""

        def run(context: dict[str, Any], event: Any, do: Any) -> None:
            data = event.data if isinstance(event.data, dict) else {}
            sour = context["sour"] if event.type.startswith(TIMEOUT) else data.get("sour", 0)
            if sour and sour not in self._world.mended:
                raise RuntimeError("sour")
            context["log"].append(_record(context, event, data, busy=bool(self._busy) and do.in_state(self._busy)))
            if then is not None:
                then(context, event, do)

        return on(event, *targets, actions=(action(f"note {event}", run),), kind=TransitionKind.INTERNAL, **more)

    def outcomes(self, name: str, target: str) -> list[TransitionSpec]:
        return [self.take(f"{kind}.invoke.{name}", target) for kind in ("done", "error")]

    def serving(self, place: str, name: str, options: dict[str, Any]) -> NodeSpec:
        """A node with a service in the background."""
        common: dict[str, Any] = {"mode": InvokeMode.BACKGROUND, "timeout": SERVICE_SECONDS, "attempts": ATTEMPTS}
        spec = invoke(name, self.serve, input=_given, **{**common, **options})
        return node(name, spec, *self.outcomes(name, IDLE), exit=(_leaving(f"live.{place}.{name}"),))

    def waiting(self, place: str, name: str) -> NodeSpec:
        """A node with a timer."""
        delay = Delay(name="due", fn=lambda context, _event: context["delay"])
        return node(name, self.take("", IDLE, delay=delay), exit=(_leaving(f"live.{place}.{name}"),))

    def parent(self, place: str, name: str) -> NodeSpec:
        """A node with a child, which is sent something before it begins."""
        spec = InvokeSpec(id=name, src="kid", machine=True, input=_given)
        greet = action("greet", lambda context, _e, do: do.send(f"#_{name}", "HELLO", {"life": context["life"]}))
        told = self.take(
            "ASKKID", then=lambda context, _e, do: do.send(f"#_{name}", "HELLO", {"life": context["life"]})
        )
        leaving = _leaving(f"live.{place}.{name}")
        return node(name, spec, told, *self.outcomes(name, IDLE), entry=(greet,), exit=(leaving,))

    def both(self) -> NodeSpec:
        """A service and a timer beside each other."""
        spec = invoke("side", self.serve, input=_given, mode=InvokeMode.BACKGROUND, timeout=SERVICE_SECONDS)
        inner, timer = "live.rest.both.x.run", "live.rest.both.y.run"
        x = node("run", spec, *self.outcomes("side", "live.rest.both.x.end"), exit=(_leaving(inner),))
        delay = Delay(name="due", fn=lambda context, _event: context["delay"])
        y = node("run", self.take("", "live.rest.both.y.end", delay=delay), exit=(_leaving(timer),))
        ended = on("done.state.live.rest.both", IDLE)
        return parallel("both", node("x", x, final("end")), node("y", y, final("end")), ended)

    def goes(self, names: list[str]) -> list[TransitionSpec]:
        """An event for every node; it leaves whatever is live in another one."""
        return [
            self.take(
                name.upper(),
                f"live.{'busy' if name.startswith('b') and name != 'both' else 'rest'}.{name}",
                then=_prepare,
            )
            for name in names
        ] + [self.take("INLINE", "live.busy.inline", then=_prepare)]

    def everywhere(self) -> list[TransitionSpec]:
        """What is taken in every node."""
        noted = ("NOTE", "ECHO", "HELLO", "REMINDED", "BYE", "error.communication")
        return [
            *(self.take(name) for name in noted),
            self.take("TELL", then=lambda c, e, do: _tell(c, e, do, e.data["to"], "HELLO")),
            self.take("SELF", then=lambda c, e, do: _tell(c, e, do, None, "ECHO")),
            self.take("REMIND", then=_remind),
            self.take("FORGET", then=lambda _c, e, do: do.cancel(e.data["name"])),
            self.take("QUESTION", then=lambda c, e, do: do.send(e.origin, "ANSWER", {"life": c["life"]})),
            self.take("ASKKID"),
            self.take("BAD", guards=(guard("bad", self.is_bad),)),
            self.take("END", "over"),
            on("GATE", "gate"),
        ]

    def is_bad(self, _context: object, event: Any) -> bool:
        if event.data["n"] not in self._world.mended:
            raise RuntimeError("kaboom")
        return True


def _make_kid(world: World) -> Definition:
    chart = _Chart("kid", world, "")
    options = {"deadline": 400.0, "mode": InvokeMode.BACKGROUND, "timeout": SERVICE_SECONDS, "attempts": ATTEMPTS}
    delay = Delay(name="due", fn=lambda context, _event: context["delay"])

    def kind(name: str) -> Any:
        return (guard(name, lambda context, _event: context["kind"] == name),)

    def bad(context: dict[str, Any], _event: object) -> bool:
        if context["kind"] == "bad" and context["n"] not in world.mended:
            raise RuntimeError("kaboom")
        return bool(context["kind"] == "bad")

    work = invoke("kidwork", chart.serve, input=_given, **options)
    nest = InvokeSpec(id="nest", src="kid", machine=True, input=lambda c, _e: {**_given(c, _e), "kind": "timer"})
    ask = action("ask", lambda c, _e, do: do.send("#_parent", "QUESTION", {"life": c["life"]}))
    live = node(
        "live",
        settled(
            "choose",
            on("", "gate", guards=kind("gate")),
            on("", "live.timer", guards=(guard("bad", bad),)),
            *(on("", f"live.{each}", guards=kind(each)) for each in ("timer", "ask", "work", "nest")),
        ),
        settled("timer", chart.take("", "over", delay=delay), exit=(_leaving("live.timer"),)),
        settled("ask", chart.take("ANSWER", "over"), entry=(ask,)),
        settled("work", work, *chart.outcomes("kidwork", "over"), exit=(_leaving("live.work"),)),
        settled("nest", nest, *chart.outcomes("nest", "over"), exit=(_leaving("live.nest"),)),
        chart.take("NOTE"),
        chart.take("HELLO"),
        chart.take("BYE"),
        chart.take("error.communication"),
        chart.take("BAD", guards=(guard("bad", chart.is_bad),)),
        chart.take("END", "over"),
        exit=(action("bye", lambda c, _e, do: do.send("m/2", "BYE", {"life": c["life"], "bye": True})),),
    )
    return machine(
        "kid",
        live,
        node("gate", tags=frozenset({"rejected"})),
        final("over", output=lambda context, _event: {"life": context["life"], "seen": len(context["log"])}),
        initial_context={"life": 0, "log": [], "delay": 0, "sour": 0, "n": 0, "kind": ""},
        create_on_event=False,
        retention=RETENTION["kid"],
    )


def _record(context: dict[str, Any], event: Any, data: dict[str, Any], *, busy: bool) -> Record:
    found: Record = {"type": event.type, "id": event.id, "key": event.key, "now": event.now, "origin": event.origin}
    kept: Record = {name: data[name] for name in ("n", "life", "code", "name", "call", "forged") if name in data}
    return {**found, **kept, "mine": context["life"], "busy": busy}


def _given(context: dict[str, Any], _event: object) -> dict[str, Any]:
    return {name: context[name] for name in ("life", "n", "kind", "delay")}


def _prepare(context: dict[str, Any], event: Any, _do: object) -> None:
    context.update({name: event.data[name] for name in ("delay", "n", "kind")})
    context["sour"] = event.data["sour_later"]


def _tell(context: dict[str, Any], event: Any, do: Any, to: str | None, event_type: str) -> None:
    do.send(to, event_type, {"life": context["life"], "n": event.data["n"]})


def _remind(context: dict[str, Any], event: Any, do: Any) -> None:
    data = {"life": context["life"], "n": event.data["n"]}
    do.send(event.data["to"] or None, "REMINDED", data, delay=event.data["delay"], id=event.data["name"])


def _leaving(path: str) -> Any:
    def run(context: dict[str, Any], event: Any, _do: object) -> None:
        context["log"].append({"left": path, "key": event.key})

    return action(f"leaving {path}", run)
