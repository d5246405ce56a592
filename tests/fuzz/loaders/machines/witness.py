"""A machine that writes down who it was told an event is from, and that waits for all there is to wait for."""

from typing import Any

from pydantic import BaseModel, Field

from settle import Context, Event, Statechart


class Seen(Context):
    """What it has seen: id, principal and origin of each event, and its data."""

    events: list[list[str]] = Field(default_factory=list)
    last: Any = None


class Note(BaseModel):
    """What a `NOTE` carries."""

    text: str = ""
    amount: float = 0.0
    more: Any = None


def write_down(ctx: Seen, event: Event) -> None:
    """Keep who an event is from, and what it holds."""
    ctx.events = [*ctx.events[-9:], [event.id, event.principal, event.origin]]
    ctx.last = event.data.model_dump() if isinstance(event.data, BaseModel) else event.data


def serve(call: Any) -> Any:
    """Answer with what was asked, or raise it."""
    if isinstance(call.event.data, dict) and "raise" in call.event.data:
        raise ValueError(f"no: {call.event.data}")
    return {"input": call.input, "event": call.event.data}


def fail(_ctx: Seen, event: Event) -> None:
    """Raise, with what the event holds."""
    raise ValueError(f"no: {event.data}")


def ask(ctx: Seen) -> Any:
    """What a service is given."""
    return {"last": ctx.last}


def reach_out(_ctx: Seen, event: Event, do: Any) -> None:
    """Send, raise and plan."""
    do.send("other/1", "HELLO", {"from": event.id})
    do.send(None, "NOTE", {"text": "later"}, delay=60)


MACHINE = Statechart(
    id="witness",
    context=Seen,
    events={"NOTE": Note},
    states=[
        {"name": "idle", "tags": ["settled"]},
        {
            "name": "serving",
            "tags": ["settled"],
            "timeout": "1h",
            "on_timeout": "idle",
            "invoke": {
                "id": "job",
                "src": serve,
                "input": ask,
                "mode": "background",
                "on_done": "idle",
                "on_error": "idle",
            },
        },
        {
            "name": "parent",
            "tags": ["settled"],
            "invoke": {"id": "kid", "machine": "other", "on_done": "idle", "on_error": "idle"},
        },
        {"name": "quick", "invoke": {"id": "now", "src": serve, "on_done": "idle", "on_error": "idle"}},
    ],
    transitions=[
        {"trigger": "NOTE", "source": "*", "dest": None, "actions": write_down},
        {"trigger": "SERVE", "source": "idle", "dest": "serving", "before": write_down},
        {"trigger": "PARENT", "source": "idle", "dest": "parent"},
        {"trigger": "QUICK", "source": "idle", "dest": "quick"},
        {"trigger": "REACH", "source": "*", "dest": None, "actions": reach_out},
        {"trigger": "FAIL", "source": "*", "dest": None, "actions": fail},
        {"trigger": "BACK", "source": ["serving", "parent"], "dest": "idle"},
    ],
)
