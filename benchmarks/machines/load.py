"""A machine for load: it knows whether its events came once each and in order, and it can be made to behave badly.

A client numbers the events of an instance from 0. `count` is how many were applied, `misplaced` how many of them did
not have the number that was due. `SLOW` asks a service that takes its time; `BAD` meets a guard that raises.
"""

import time

from pydantic import BaseModel, Field

from settle import Context, Event, ServiceCall, Statechart


class Kept(Context):
    """What an instance remembers."""

    count: int = 0
    misplaced: int = 0
    seconds: float = 0.0


class Numbered(BaseModel):
    """The data of an event."""

    n: int
    seconds: float = Field(default=0.0, ge=0, le=2)


def keep(ctx: Kept, event: Event) -> None:
    """Count the event, and look whether it was its turn."""
    ctx.misplaced += event["n"] != ctx.count
    ctx.count += 1
    ctx.seconds = event["seconds"]


def nap(call: ServiceCall) -> None:
    """Take as long as the event said."""
    time.sleep(call.context.seconds)


def explode(_: Kept, __: Event) -> bool:
    """Raise, as a guard with a mistake does."""
    raise RuntimeError("this guard raises whenever it is asked")


MACHINE = Statechart(
    id="load",
    context=Kept,
    events={"COUNT": Numbered, "SLOW": Numbered, "BAD": Numbered},
    initial="idle",
    states=[
        {"name": "idle", "tags": ["settled"]},
        {"name": "working", "invoke": {"src": nap, "timeout": 2.5, "on_done": "idle", "on_error": "idle"}},
    ],
    transitions=[
        {"trigger": "COUNT", "source": "idle", "dest": None, "actions": keep},
        {"trigger": "SLOW", "source": "idle", "dest": "working", "actions": keep},
        {"trigger": "BAD", "source": "idle", "dest": None, "conditions": explode, "actions": keep},
    ],
)
