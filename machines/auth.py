"""A client that asks a server of its own for a token.

The twin of the example in restatedev/xstate. AUTH begins a child, an `auth-server`, and sends it CODE. Some six seconds
later the server sends TOKEN back, and the client is authorized.
"""

from typing import Any

from pydantic import BaseModel

from settle import Actions, Context, Event, Statechart

SERVER = "#_server"


class Token(BaseModel):
    """What the server answers."""

    token: str


class Client(Context):
    """What a client remembers."""

    token: str = ""


def send_code(_: Client, __: Event, do: Actions) -> None:
    """Begin the conversation."""
    do.send(SERVER, "CODE")


def is_from_server(_: Client, event: Event) -> bool:
    """Whether a server sent it, and not just anybody."""
    return event.origin.startswith("auth-server/")


def keep_token(ctx: Client, event: Event) -> None:
    """Remember the token."""
    ctx.token = event["token"]


SERVES: dict[str, Any] = {"id": "server", "machine": "auth-server", "on_done": "refused", "on_error": "refused"}

MACHINE = Statechart(
    id="auth",
    context=Client,
    events={"TOKEN": Token},
    states=[
        {"name": "idle", "tags": ["settled"]},
        {"name": "authorizing", "tags": ["settled"], "invoke": SERVES, "on_enter": send_code},
        {"name": "authorized", "final": True},
        {"name": "refused", "final": True},
    ],
    transitions=[
        {"trigger": "AUTH", "source": "idle", "dest": "authorizing"},
        {
            "trigger": "TOKEN",
            "source": "authorizing",
            "dest": "authorized",
            "conditions": is_from_server,
            "actions": keep_token,
        },
    ],
)
