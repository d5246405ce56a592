"""Signing up with an email address.

A sign-up begins with an address: as the input of a new instance, or with START. A mail with a token goes out (a file in
`outbox/`), and then the machine waits, for a minute or a year. VERIFY with that token ends it well; the third wrong one
locks it. RESEND sends a new mail with a new token, and the old token counts no more.

The token itself is only in the mail. The machine remembers a fingerprint of it.
"""

import hmac
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, Field

from machines._outbox import send_mail
from settle import Context, Event, ServiceCall, Statechart

WRONG_TOKENS_ALLOWED = 2

Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]


class SignUp(Context):
    """What a sign-up remembers."""

    email: Address | None = None
    fingerprint: str = ""
    mails: int = 0
    wrong_tokens: int = 0


class Start(BaseModel):
    """Data of START."""

    email: Address


class Verify(BaseModel):
    """Data of VERIFY."""

    token: str


def fingerprint(token: str) -> str:
    """Return what can be kept in place of a token."""
    return sha256(token.encode()).hexdigest()


def mail_token(call: ServiceCall) -> dict[str, str]:
    """Send a token. The same call sends the same one, however often it is repeated."""
    token = sha256(f"token {call.key}".encode()).hexdigest()[:12]
    send_mail(call.key, to=call.context.email, subject="Your token", text=f"Your token is {token}")
    return {"fingerprint": fingerprint(token)}


def has_address(ctx: SignUp) -> bool:
    """Whether there is somewhere to send the token to."""
    return ctx.email is not None


def token_fits(ctx: SignUp, event: Event) -> bool:
    """Whether the token is the one in the last mail."""
    return hmac.compare_digest(fingerprint(event["token"]), ctx.fingerprint)


def may_try_again(ctx: SignUp) -> bool:
    """Whether one more wrong token is allowed."""
    return ctx.wrong_tokens < WRONG_TOKENS_ALLOWED


def take_address(ctx: SignUp, event: Event) -> None:
    """Remember where to send the token."""
    ctx.email = event["email"]


def mail_sent(ctx: SignUp, event: Event) -> None:
    """Remember which token went out."""
    ctx.fingerprint, ctx.mails = event["fingerprint"], ctx.mails + 1


def count_wrong_token(ctx: SignUp) -> None:
    """Count a wrong token."""
    ctx.wrong_tokens += 1


MAIL = {"src": mail_token, "on_done": {"dest": "waiting", "actions": mail_sent}, "on_error": "undeliverable"}

MACHINE = Statechart(
    id="signup",
    context=SignUp,
    events={"START": Start, "VERIFY": Verify},
    initial="new",
    states=[
        {"name": "new", "tags": ["settled"], "always": {"dest": "mailing", "conditions": has_address}},
        {"name": "mailing", "invoke": MAIL},
        {"name": "waiting", "tags": ["settled"]},
        {"name": "undeliverable", "tags": ["settled"]},
        {"name": "verified", "final": True},
        {"name": "locked", "final": True},
    ],
    transitions=[
        {"trigger": "START", "source": "new", "dest": "mailing", "actions": take_address},
        {"trigger": "VERIFY", "source": "waiting", "dest": "verified", "conditions": token_fits},
        {
            "trigger": "VERIFY",
            "source": "waiting",
            "dest": None,
            "conditions": may_try_again,
            "actions": count_wrong_token,
        },
        {"trigger": "VERIFY", "source": "waiting", "dest": "locked", "actions": count_wrong_token},
        {"trigger": "RESEND", "source": ["waiting", "undeliverable"], "dest": "mailing"},
    ],
)
