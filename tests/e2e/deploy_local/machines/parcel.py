"""A parcel, for the local deployment: it needs everything that is deployed.

SHIP has a background service print the label. Two seconds on the shelf later the parcel is loaded, which is noted on
the parcel that it says it travels with, and given an hour. HOME takes it out again.
"""

from typing import Any

from pydantic import BaseModel

from settle import Actions, Context, Event, ServiceCall, Statechart


class Parcel(Context):
    """What a parcel remembers."""

    label: str = ""
    beside: str = ""
    notes: tuple[str, ...] = ()


class Ship(BaseModel):
    """Data of SHIP."""

    beside: str


class Note(BaseModel):
    """Data of NOTE."""

    text: str


def print_label(call: ServiceCall) -> dict[str, str]:
    """Stand for a slow printer."""
    return {"label": f"label of {call.instance}"}


def send_off(ctx: Parcel, event: Event) -> None:
    """Remember what it travels with."""
    ctx.beside = event["beside"]


def keep_label(ctx: Parcel, event: Event) -> None:
    """Remember the label."""
    ctx.label = event["label"]


def tell(ctx: Parcel, _: Event, do: Actions) -> None:
    """Note it on the parcel beside."""
    do.send(f"parcel/{ctx.beside}", "NOTE", {"text": "loaded beside"})


def write_note(ctx: Parcel, event: Event) -> None:
    """Write it down."""
    ctx.notes = (*ctx.notes, event["text"])


def write_loudly(ctx: Parcel, event: Event) -> None:
    """Write it down as version 2 does."""
    ctx.notes = (*ctx.notes, f"{event['text']}!")


STATES: list[dict[str, Any]] = [
    {"name": "ordered", "tags": ["settled"]},
    {
        "name": "labelling",
        "tags": ["settled"],
        "invoke": {
            "src": print_label,
            "mode": "background",
            "on_done": {"dest": "shelf", "actions": keep_label},
            "on_error": "ordered",
        },
    },
    {"name": "shelf", "tags": ["settled"], "timeout": "2s", "on_timeout": "loaded"},
    {"name": "loaded", "tags": ["settled"], "on_enter": tell, "timeout": "1h", "on_timeout": "home"},
    {"name": "home", "tags": ["settled"]},
]
MOVES: list[dict[str, Any]] = [
    {"trigger": "SHIP", "source": "ordered", "dest": "labelling", "actions": send_off},
    {"trigger": "HOME", "source": "loaded", "dest": "home"},
]
EVENTS: dict[str, type[BaseModel]] = {"SHIP": Ship, "NOTE": Note}

VERSION_1 = Statechart(
    id="parcel",
    version=1,
    context=Parcel,
    events=EVENTS,
    states=STATES,
    transitions=[*MOVES, {"trigger": "NOTE", "source": "*", "dest": None, "actions": write_note}],
)
VERSION_2 = Statechart(
    id="parcel",
    version=2,
    versions=[VERSION_1],
    context=Parcel,
    events=EVENTS,
    states=STATES,
    transitions=[*MOVES, {"trigger": "NOTE", "source": "*", "dest": None, "actions": write_loudly}],
)
MACHINE = VERSION_1
