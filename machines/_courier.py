"""The courier's part of a food order: a state with children, to be put into a machine.

Couriers are asked one at a time, each with a line in `courier.log`, and each has two minutes to answer before the next
one is asked. Only the one who was asked last may answer, so one who said no cannot say yes when somebody else is on the
way. With nobody left to ask, the machine goes to `declined`.
"""

from typing import Any, Final

from pydantic import BaseModel

from machines._outbox import write_line
from settle import Context, Event, ServiceCall, ServiceError

OFFER_LASTS: Final = "2m"
COURIERS: Final = ("kim", "lee", "mo")


class Ride(Context):
    """What an order remembers of its couriers: who was asked, the last one last."""

    asked: tuple[str, ...] = ()


class Courier(BaseModel):
    """Data of COURIER_ACCEPT and COURIER_REJECT."""

    courier: str


def ask_courier(call: ServiceCall) -> dict[str, str]:
    """Ask the next courier; a real one would ask the nearest."""
    free = [courier for courier in COURIERS if courier not in call.context.asked]
    if not free:
        raise ServiceError("no_courier", "every courier said no")
    write_line("courier.log", call.key, f"{free[0]} is asked about {call.machine}/{call.instance}")
    return {"courier": free[0]}


def courier_asked(ctx: Ride, event: Event) -> None:
    """Remember who was asked."""
    ctx.asked = (*ctx.asked, event["courier"])


def is_asked(ctx: Ride, event: Event) -> bool:
    """Whether it is the courier asked last who answers."""
    return bool(event["courier"] == ctx.asked[-1])


COURIER: Final[dict[str, Any]] = {
    "name": "courier",
    "initial": "searching",
    "children": [
        {
            "name": "searching",
            "invoke": {
                "src": ask_courier,
                "on_done": {"dest": "asked", "actions": courier_asked},
                "on_error": "declined",
            },
        },
        {"name": "asked", "tags": ["settled"], "timeout": OFFER_LASTS, "on_timeout": "searching"},
        {"name": "riding", "tags": ["settled"]},
        {"name": "there", "final": True},
    ],
    "transitions": [
        {"trigger": "COURIER_ACCEPT", "source": "asked", "dest": "riding", "conditions": is_asked},
        {"trigger": "COURIER_REJECT", "source": "asked", "dest": "searching", "conditions": is_asked},
        {"trigger": "ARRIVED", "source": "riding", "dest": "there"},
    ],
}
