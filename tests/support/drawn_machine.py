"""A machine that holds everything a drawing or a description has to show, each event named once."""

from typing import Any

from settle.core.codec import PlainCodec
from settle.core.compile import compile_machine
from settle.core.conditions import AnyOf, Guard, InState, Not
from settle.core.definition import Definition
from settle.core.delay import Delay
from settle.core.spec import (
    Action,
    ErrorPolicy,
    InvokeSpec,
    MachineSpec,
    NodeKind,
    NodeSpec,
    TransitionKind,
    TransitionSpec,
)
from tests.support.charts import final, node, on, parallel, settled

ACTIVE = ("work.pay.due", "work.ship.picking")


def _act(name: str, meaning: str = "", **params: Any) -> Action:
    def act(_context: object, _event: object, _do: object) -> None: ...

    act.__doc__ = meaning
    return Action(name=name, fn=act, params=params)


def _guard(name: str, meaning: str = "", **params: Any) -> Guard:
    def ask(_context: object, _event: object, _active: object) -> bool:
        return True

    ask.__doc__ = meaning
    return Guard(name=name, fn=ask, params=params)


def _delayed(name: str, target: str, *guards: Guard, seconds: float | None = None) -> TransitionSpec:
    fn = None if seconds is not None else _until
    return TransitionSpec(targets=(target,), guards=guards, delay=Delay(name=name, seconds=seconds, fn=fn))


def _until(_context: object, _event: object) -> float:
    """When the offer ends."""
    return 60.0


def _invoice(_context: object, _event: object) -> dict[str, Any]:
    """Work out the invoice."""
    return {}


def _charge(_call: object) -> None:
    """Take the money.

    Nobody needs to know how.
    """


ODD = AnyOf((_guard("is_small", "Whether it\nis small."), _guard("is_late")))
DRAFT = settled(
    "draft",
    on("SUBMIT", "work", guards=(_guard("limit", max=3), Not(ODD)), before=(_act("note", "Write it down."),)),
    on("SUBMIT", "refused", guards=(_guard("is_known"),)),
    on("SUBMIT", "paused", actions=(_act("count", by=2),), after=(_act("note", "Write it down."),)),
    _delayed("24h", "expired", seconds=86400.0),
    _delayed("offer_end", "expired", _guard("is_urgent")),
    on("PING", actions=(_act("pong"),)),
    on("AGAIN", "draft"),
    on("SAME", "draft", kind=TransitionKind.LOCAL),
    on("payment.*", "work.pay.back"),
    description="The order is\nbeing written.",
)
PAY = node(
    "pay",
    node(
        "charging",
        InvokeSpec(id="work.pay.charging", src="charge_card", fn=_charge, timeout=10, attempts=1),
        on("done.invoke.work.pay.charging", "work.pay.paid"),
        on("error.invoke.work.pay.charging", "work.pay.due"),
        exit=(_act("tidy"),),
    ),
    settled(
        "due",
        on("PAY", "work.pay.charging"),
        on("UP", "work.pay"),
        on("JUMP", "work.ship.sent", guards=(InState("work.ship.picking"),)),
        on("OUT", "refused"),
    ),
    final("paid", output={"ok": True}),
    node("back", kind=NodeKind.DEEP_HISTORY, history_default=("work.pay.due",), history_actions=(_act("recall"),)),
    on("SKIP", "work.pay.paid", kind=TransitionKind.INTERNAL),
    on("REDO", "work.pay", kind=TransitionKind.LOCAL),
    entry=(_act("open_till"),),
)
SHIP = node(
    "ship",
    node("picking", on("PICKED", "work.ship.sent"), tags=frozenset({"settled", "indoors"})),
    final("sent"),
    initial_actions=(_act("print_label"),),
)
WORK = parallel(
    "work",
    InvokeSpec(id="watch", src="watcher", machine=True),
    InvokeSpec(id="spare", src="watcher", machine=True),
    PAY,
    SHIP,
    node("last", kind=NodeKind.SHALLOW_HISTORY, history_default=("work.pay.due", "work.ship.picking")),
    on("CANCEL", "cancelled"),
    on("RESET", "work"),
    on("BOTH", "work.pay.paid", "work.ship.sent"),
    on("done.state.work", "closed"),
    on("done.state.work.pay", actions=(_act("thank"),)),
    on("error.invoke.watch", "expired"),
)
PAUSED = settled(
    "paused",
    on("RESUME", "work.last"),
    on("GO", "work.pay.due", "work.ship.picking"),
    TransitionSpec(targets=("closed",), guards=(_guard("is_old"),), description="Nobody came back."),
)
ROOT = (
    on("PANIC", "paused"),
    on("NOTE", actions=(_act("note", "Write it down."),)),
    on("error.execution", "cancelled"),
    on("*", actions=(_act("wonder"),)),
)
SILENCED = ("restarts-regions", "unhandled-service-error", "settled-node-invokes", "shadowed-transition")


def _make() -> Definition:
    ends = (final("expired"), final("closed", output=_invoice), final("cancelled"))
    refused = node("refused", tags=frozenset({"rejected"}))
    root = NodeSpec(
        name="",
        kind=NodeKind.COMPOUND,
        children=(DRAFT, WORK, PAUSED, refused, *ends),
        transitions=ROOT,
        entry=(_act("greet"),),
        description="A shop, as far as it is known.",
    )
    spec = MachineSpec(
        id="shop",
        version=2,
        root=root,
        context=PlainCodec(),
        create_on_event=False,
        errors=ErrorPolicy.EVENT,
        silenced=dict.fromkeys(SILENCED, "it is here to be drawn"),
    )
    return compile_machine(spec)


SHOP = _make()
