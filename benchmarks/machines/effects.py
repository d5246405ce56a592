"""A machine that asks the world for one thing at a time, so that each can be counted."""

from settle import Actions, Context, ServiceCall, Statechart


class Asked(Context):
    """Something to remember, as every machine has."""

    count: int = 0


def answer(_: ServiceCall) -> dict[str, int]:
    """Be a service."""
    return {"n": 1}


def send_message(_: Asked, __: object, do: Actions) -> None:
    """Send a message to an instance of another machine, which ignores it."""
    do.send("flat/partner", "NEXT")


def count(ctx: Asked) -> None:
    """Do something that asks for nothing."""
    ctx.count += 1


SERVICE = {"src": answer, "mode": "background", "timeout": 10, "on_done": "idle", "on_error": "idle"}

MACHINE = Statechart(
    id="effects",
    context=Asked,
    initial="idle",
    states=[
        {"name": "idle", "tags": ["settled"]},
        {"name": "soon", "tags": ["settled"], "timeout": "1s", "on_timeout": "idle"},
        {"name": "later", "tags": ["settled"], "timeout": "2h", "on_timeout": "idle"},
        {"name": "serving", "tags": ["settled"], "invoke": SERVICE},
    ],
    transitions=[
        {"trigger": "PLAIN", "source": "idle", "dest": None, "actions": count},
        {"trigger": "SEND", "source": "idle", "dest": None, "actions": send_message},
        {"trigger": "SOON", "source": "idle", "dest": "soon"},
        {"trigger": "LATER", "source": "idle", "dest": "later"},
        {"trigger": "SERVE", "source": "idle", "dest": "serving"},
        {"trigger": "BACK", "source": ["soon", "later"], "dest": "idle"},
    ],
)
