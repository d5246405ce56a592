"""A payment that somebody outside completes.

It begins with an amount and what it is for: as the input of a new instance, or of a child of an `order`. The bill goes
out with a callback address in it (a file in `outbox/`; a real one would be a request to some provider). Whoever has
the bill says how it ended, by `POST /callbacks/<token>`: with a result `{"method": ...}`, or with an error.

A bill is good for thirty minutes. The payment then counts as refused, as it does when the provider says so.
"""

from pydantic import BaseModel, Field

from machines._outbox import send_mail
from settle import WAIT_FOR_CALLBACK, Context, Event, ServiceCall, Statechart

GOOD_FOR = "30m"


class Payment(Context):
    """What a payment remembers."""

    amount: int = Field(default=0, ge=0)
    purpose: str = ""
    method: str = ""
    reason: str = ""


class Paid(BaseModel):
    """What a provider says of a payment that was made."""

    method: str


def send_bill(call: ServiceCall) -> object:
    """Hand the token out and wait for whoever uses it."""
    text = f"{call.context.amount} for {call.context.purpose}\nPOST /callbacks/{call.token}"
    send_mail(call.key, to="provider", subject="Bill", text=text)
    return WAIT_FOR_CALLBACK


def take_method(ctx: Payment, event: Event) -> None:
    """Remember how it was paid."""
    ctx.method = event["method"]


def take_reason(ctx: Payment, event: Event) -> None:
    """Remember why it was not paid."""
    ctx.reason = event["code"]


def answer(ctx: Payment) -> dict[str, object]:
    """Tell whoever began the payment how it ended."""
    return {"paid": bool(ctx.method), "method": ctx.method, "reason": ctx.reason}


BILL = {
    "id": "bill",
    "src": send_bill,
    "mode": "background",
    "deadline": GOOD_FOR,
    "on_done": {"dest": "paid", "actions": take_method},
    "on_error": {"dest": "refused", "actions": take_reason},
}

MACHINE = Statechart(
    id="payment",
    context=Payment,
    events={"done.invoke.bill": Paid},
    create_on_event=False,
    retention="90d",
    output=answer,
    states=[
        {"name": "billed", "tags": ["settled"], "invoke": BILL},
        {"name": "paid", "final": True},
        {"name": "refused", "final": True},
    ],
)
