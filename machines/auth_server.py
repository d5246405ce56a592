"""The server that an `auth` client begins.

CODE has it authorise the client, which takes five seconds and happens beside the instance. One second after that it
sends TOKEN to whoever began it, and rests until its parent ends it.
"""

import time

from settle import Actions, Context, Event, ServiceCall, Statechart

SECONDS = 5.0


def authorise(call: ServiceCall) -> dict[str, str]:
    """Make a token; the same call makes the same one."""
    time.sleep(SECONDS)
    return {"token": call.key[:12]}


def send_token(_: Context, event: Event, do: Actions) -> None:
    """Answer, a second from now."""
    do.send("#_parent", "TOKEN", {"token": event["token"]}, delay="1s")


MACHINE = Statechart(
    id="auth-server",
    create_on_event=False,
    states=[
        {"name": "waitingForCode", "tags": ["settled"]},
        {
            "name": "process",
            "tags": ["settled"],
            "invoke": {
                "src": authorise,
                "mode": "background",
                "timeout": 20,
                "on_done": {"dest": "answered", "actions": send_token},
                "on_error": "failed",
            },
        },
        {"name": "answered", "tags": ["settled"], "timeout": "1h", "on_timeout": "failed"},
        {"name": "failed", "final": True},
    ],
    transitions=[{"trigger": "CODE", "source": "waitingForCode", "dest": "process"}],
)
