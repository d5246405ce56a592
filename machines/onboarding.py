"""The first days of a new customer.

An onboarding begins with an address, as the input of a new instance. A welcome mail goes out at once, and the first tip
a day later (mails are files in `outbox/`). Then it is over. UNSUBSCRIBE ends it at any time, and no mail is begun after
it.

An onboarding is remembered for thirty days after its end.
"""

from typing import Annotated

from pydantic import Field

from machines._outbox import send_mail
from settle import Context, ServiceCall, Statechart

FIRST_TIP_AFTER = "24h"

Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]


class Onboarding(Context):
    """What an onboarding remembers."""

    email: Address
    mails: int = 0


def send_welcome(call: ServiceCall) -> None:
    """Mail the welcome."""
    send_mail(call.key, to=call.context.email, subject="Welcome", text="It is good to have you here.")


def send_tip(call: ServiceCall) -> None:
    """Mail the first tip."""
    send_mail(call.key, to=call.context.email, subject="Your first tip", text="Events wait. Customers need not.")


def count_mail(ctx: Onboarding) -> None:
    """Count a mail that went out."""
    ctx.mails += 1


def mails(service: object, then: str) -> dict[str, object]:
    """Return an invoke that mails beside the instance, so that UNSUBSCRIBE never waits for a mail server."""
    return {
        "src": service,
        "mode": "background",
        "attempts": 8,
        "backoff": "5s",
        "deadline": "6h",
        "on_done": {"dest": then, "actions": count_mail},
        "on_error": "undeliverable",
    }


MACHINE = Statechart(
    id="onboarding",
    context=Onboarding,
    create_on_event=False,
    retention="30d",
    states=[
        {"name": "welcoming", "tags": ["settled"], "invoke": mails(send_welcome, "waiting")},
        {"name": "waiting", "tags": ["settled"], "timeout": FIRST_TIP_AFTER, "on_timeout": "tipping"},
        {"name": "tipping", "tags": ["settled"], "invoke": mails(send_tip, "finished")},
        {"name": "finished", "final": True},
        {"name": "unsubscribed", "final": True},
        {"name": "undeliverable", "final": True},
    ],
    transitions=[
        {"trigger": "UNSUBSCRIBE", "source": ["welcoming", "waiting", "tipping"], "dest": "unsubscribed"},
    ],
)
