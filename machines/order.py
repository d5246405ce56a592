"""Food, ordered, paid and delivered.

SUBMIT says what is ordered and where. A `payment` of its own takes the money; what follows depends on the restaurant:

- A `partner` is offered the order. When it says ACCEPT it cooks, while a courier is found and rides there. The food is
  READY and the courier has ARRIVED, in either order: then it travels.
- A `stranger` gets no orders from us. A courier goes first and orders at the counter; ACCEPT or REJECT comes when the
  courier is on the way.
- One that `delivers` is offered the order and, when it says ACCEPT, is told the address. No courier is sent.

A courier has two minutes to answer. DELIVERED ends it. So do REJECT, CANCEL before the food travels, a refused payment,
and no courier far and wide. What a restaurant is told is a file in `outbox/`.
"""

from typing import Literal

from pydantic import BaseModel, Field

from machines._courier import COURIER, Courier, Ride, is_asked
from machines._outbox import send_mail
from settle import Event, ServiceCall, Statechart


class Submit(BaseModel):
    """Data of SUBMIT."""

    restaurant: str
    kind: Literal["partner", "stranger", "delivers"]
    food: str
    address: str
    amount: int = Field(default=1000, ge=0)


class Order(Ride):
    """What an order remembers."""

    order: Submit | None = None


def is_paid(_: Order, event: Event) -> bool:
    """Whether the payment that has ended was made."""
    return bool(event["paid"])


def is_stranger(ctx: Order) -> bool:
    """Whether the restaurant takes no orders from us."""
    return ctx.order is not None and ctx.order.kind == "stranger"


def delivers_itself(ctx: Order) -> bool:
    """Whether the restaurant brings the food."""
    return ctx.order is not None and ctx.order.kind == "delivers"


def take_order(ctx: Order, event: Event) -> None:
    """Remember what was ordered."""
    ctx.order = event.data


def bill(ctx: Order) -> dict[str, object]:
    """Return what the payment is given."""
    return {"amount": ctx.order.amount, "purpose": f"{ctx.order.food} of {ctx.order.restaurant}"} if ctx.order else {}


def tell_restaurant(call: ServiceCall) -> None:
    """Mail the restaurant; `offer` or `delivery` says what it is about."""
    order: Submit = call.context.order
    send_mail(call.key, to=order.restaurant, subject=call.invoke, text=f"{order.food}\nfor {order.address}")


KITCHEN = {
    "name": "kitchen",
    "children": [{"name": "busy", "tags": ["settled"]}, {"name": "ready", "final": True}],
    "transitions": [{"trigger": "READY", "source": "busy", "dest": "ready"}],
}
COUNTER = {
    "name": "counter",
    "children": [
        *({"name": name, "tags": ["settled"]} for name in ("alone", "visited")),
        {"name": "paid", "final": True},
    ],
    "transitions": [
        {"trigger": "COURIER_ACCEPT", "source": "alone", "dest": "visited", "conditions": is_asked},
        {"trigger": "ACCEPT", "source": "visited", "dest": "paid"},
    ],
}
PAID = [{"dest": "errand", "conditions": [is_paid, is_stranger]}, {"dest": "offering", "conditions": is_paid}]
PAYMENT = {"id": "payment", "machine": "payment", "input": bill, "on_done": [*PAID, "declined"], "on_error": "declined"}
OFFER = {"id": "offer", "src": tell_restaurant, "on_done": "offered", "on_error": "declined"}
DELIVERY = {"id": "delivery", "src": tell_restaurant, "on_done": "travelling", "on_error": "declined"}

MACHINE = Statechart(
    id="order",
    version=2,
    context=Order,
    events={"SUBMIT": Submit, "COURIER_ACCEPT": Courier, "COURIER_REJECT": Courier},
    states=[
        {"name": "cart", "tags": ["settled"]},
        {"name": "paying", "tags": ["settled"], "invoke": PAYMENT},
        {"name": "offering", "invoke": OFFER},
        {"name": "offered", "tags": ["settled"]},
        {"name": "cooking", "parallel": [COURIER, KITCHEN], "on_done": "travelling"},
        {"name": "errand", "parallel": [COURIER, COUNTER], "on_done": "travelling"},
        {"name": "telling", "invoke": DELIVERY},
        {"name": "travelling", "tags": ["settled"]},
        *({"name": name, "final": True} for name in ("delivered", "declined", "cancelled")),
    ],
    transitions=[
        {"trigger": "SUBMIT", "source": "cart", "dest": "paying", "actions": take_order},
        {"trigger": "ACCEPT", "source": "offered", "dest": "telling", "conditions": delivers_itself},
        {"trigger": "ACCEPT", "source": "offered", "dest": "cooking"},
        {"trigger": "REJECT", "source": ["offered", "errand.counter.visited"], "dest": "declined"},
        {"trigger": "CANCEL", "source": ["paying", "offered", "cooking", "errand"], "dest": "cancelled"},
        {"trigger": "DELIVERED", "source": "travelling", "dest": "delivered"},
    ],
)
