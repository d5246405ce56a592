"""The three reference machines: small enough to read, different enough to show what a step costs.

They are written once, as data for `settle.Statechart`; `benchmarks/engine` translates them for other engines:

- flat: three states in a ring; no guards, no context change.
- order: two regions. `fulfil` is three levels deep, with guards and assignments; `pay` is flat. `CANCEL` is handled by
  an ancestor of the active leaf in one region and by the leaf itself in the other.
- large: a hundred states with three events each, one of them with an assignment.

Each has a list of events, and what one pass over them must leave behind: a benchmark checks it before it measures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from settle import Context, Statechart
from settle.core.definition import Definition

LARGE: Final = 100
"""States of the large machine."""


class EndStateError(Exception):
    """An engine ends a pass elsewhere, so its times would say nothing."""


class SmallContext(Context):
    """What the flat and the large machine remember."""

    order_id: str = "o-000123"
    customer: str = "c-77"
    n: int = 0


class OrderContext(SmallContext):
    """What the order remembers."""

    stock: int = 5
    total: int = 42
    paid: int = 0
    entered: int = 0
    exited: int = 0


class OnModel:
    """Guards and actions as an author writes them for a pydantic context."""

    @staticmethod
    def has_stock(ctx: OrderContext) -> bool:
        """Guard."""
        return ctx.stock > 0

    @staticmethod
    def has_total(ctx: OrderContext) -> bool:
        """Guard."""
        return ctx.total > 0

    @staticmethod
    def count(ctx: SmallContext) -> None:
        """Action."""
        ctx.n += 1

    @staticmethod
    def count_entry(ctx: OrderContext) -> None:
        """Action."""
        ctx.entered += 1

    @staticmethod
    def count_exit(ctx: OrderContext) -> None:
        """Action."""
        ctx.exited += 1

    @staticmethod
    def take_stock(ctx: OrderContext) -> None:
        """Action."""
        ctx.stock -= 1

    @staticmethod
    def return_stock(ctx: OrderContext) -> None:
        """Action."""
        ctx.stock += 1

    @staticmethod
    def add_paid(ctx: OrderContext) -> None:
        """Action."""
        ctx.paid += ctx.total

    @staticmethod
    def clear_paid(ctx: OrderContext) -> None:
        """Action."""
        ctx.paid = 0


class OnDict:
    """The same for a plain dict."""

    @staticmethod
    def has_stock(ctx: dict[str, Any]) -> bool:
        """Guard."""
        return bool(ctx["stock"] > 0)

    @staticmethod
    def has_total(ctx: dict[str, Any]) -> bool:
        """Guard."""
        return bool(ctx["total"] > 0)

    @staticmethod
    def count(ctx: dict[str, Any]) -> None:
        """Action."""
        ctx["n"] += 1

    @staticmethod
    def count_entry(ctx: dict[str, Any]) -> None:
        """Action."""
        ctx["entered"] += 1

    @staticmethod
    def count_exit(ctx: dict[str, Any]) -> None:
        """Action."""
        ctx["exited"] += 1

    @staticmethod
    def take_stock(ctx: dict[str, Any]) -> None:
        """Action."""
        ctx["stock"] -= 1

    @staticmethod
    def return_stock(ctx: dict[str, Any]) -> None:
        """Action."""
        ctx["stock"] += 1

    @staticmethod
    def add_paid(ctx: dict[str, Any]) -> None:
        """Action."""
        ctx["paid"] += ctx["total"]

    @staticmethod
    def clear_paid(ctx: dict[str, Any]) -> None:
        """Action."""
        ctx["paid"] = 0


@dataclass(frozen=True, kw_only=True)
class ReferenceMachine:
    """One machine as data.

    Attributes:
        name: of the machine.
        initial: the state, or the regions, that it begins in.
        states: as `transitions` takes them.
        transitions: as `transitions` takes them.
        context: what it remembers.
        events: one pass.
        leaves: where one pass ends, when every pass ends there.
        left: fields of the context after one pass.
    """

    name: str
    initial: str | Sequence[str]
    states: Sequence[Any]
    transitions: Sequence[Mapping[str, Any]]
    context: type[SmallContext]
    events: Sequence[str]
    leaves: tuple[str, ...]
    left: Mapping[str, int]

    def build(self, *, pydantic: bool) -> Definition:
        """Compile it, over its model or over a plain dict."""
        return self.chart(pydantic=pydantic).definition

    def chart(self, *, pydantic: bool) -> Statechart:
        """Return it as a machine file would export it."""
        return Statechart(
            id=self.name,
            context=self.context if pydantic else None,
            implementation=OnModel if pydantic else OnDict,
            initial=self.initial,
            states=self.states,
            transitions=self.transitions,
        )

    def check(self, leaves: Sequence[str], context: Mapping[str, Any]) -> None:
        """Compare what a pass left with what it must leave.

        Raises:
            EndStateError: it differs.
        """
        if tuple(leaves) != self.leaves:
            raise EndStateError(f"it ends at {', '.join(leaves)}, not at {', '.join(self.leaves)}")
        found = {name: context[name] for name in self.left}
        if found != self.left:
            raise EndStateError(f"it leaves {found}, not {self.left}")


def _go(trigger: str, source: str, dest: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - keywords
    return {"trigger": trigger, "source": source, "dest": dest, **options}


FLAT: Final = ReferenceMachine(
    name="flat",
    initial="idle",
    states=["idle", "running", "paused"],
    transitions=[_go("NEXT", "idle", "running"), _go("NEXT", "running", "paused"), _go("NEXT", "paused", "idle")],
    context=SmallContext,
    events=["NEXT", "NEXT", "NEXT"],
    leaves=("idle",),
    left={"n": 0},
)

ORDER: Final = ReferenceMachine(
    name="order",
    initial=["fulfil", "pay"],
    states=[
        {
            "name": "fulfil",
            "initial": "idle",
            "children": [
                "idle",
                {
                    "name": "work",
                    "initial": "prepare",
                    "on_enter": "count_entry",
                    "on_exit": "count_exit",
                    "children": [
                        {"name": "prepare", "initial": "pick", "children": ["pick", "pack"]},
                        {"name": "ship", "initial": "load", "children": ["load", "transit"]},
                    ],
                },
            ],
        },
        {"name": "pay", "initial": "unpaid", "children": ["unpaid", "authorized", "captured"]},
    ],
    transitions=[
        _go("STEP", "fulfil.idle", "fulfil.work", actions="count"),
        _go("CANCEL", "fulfil.work", "fulfil.idle"),
        _go(
            "STEP",
            "fulfil.work.prepare.pick",
            "fulfil.work.prepare.pack",
            conditions="has_stock",
            actions=["take_stock", "count"],
        ),
        _go("STEP", "fulfil.work.prepare.pick", "fulfil.idle"),
        _go("STEP", "fulfil.work.prepare.pack", "fulfil.work.ship", actions="count"),
        _go("STEP", "fulfil.work.ship.load", "fulfil.work.ship.transit", actions="count"),
        _go("STEP", "fulfil.work.ship.transit", "fulfil.idle", actions=["count", "return_stock"]),
        _go("PAY", "pay.unpaid", "pay.authorized", conditions="has_total", actions="add_paid"),
        _go("PAY", "pay.authorized", "pay.captured"),
        _go("CANCEL", "pay.authorized", "pay.unpaid"),
        _go("PAY", "pay.captured", "pay.unpaid", actions="clear_paid"),
    ],
    context=OrderContext,
    events=["STEP", "PAY", "STEP", "STEP", "STEP", "STEP", "STEP", "CANCEL", "PAY", "PAY", "PAY", "STEP", "CANCEL"],
    leaves=("fulfil.idle", "pay.unpaid"),
    left={"n": 7, "stock": 5, "paid": 0, "entered": 3, "exited": 3},
)

LARGE_MACHINE: Final = ReferenceMachine(
    name="large",
    initial="s0",
    states=[f"s{number}" for number in range(LARGE)],
    transitions=[
        transition
        for number in range(LARGE)
        for transition in (
            _go("NEXT", f"s{number}", f"s{(number + 1) % LARGE}", after="count"),
            _go("PREV", f"s{number}", f"s{(number - 1) % LARGE}"),
            _go("JUMP", f"s{number}", f"s{(number * 7 + 3) % LARGE}"),
        )
    ],
    context=SmallContext,
    events=["NEXT", "NEXT", "PREV", "JUMP", "NEXT", "JUMP", "PREV"],
    leaves=("s79",),
    left={"n": 3},
)

MACHINES: Final = (FLAT, ORDER, LARGE_MACHINE)
