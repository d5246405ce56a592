"""A machine that the witness begins and talks to."""

from typing import Any

from settle import Statechart


def allow_send(_principal: Any, event: Any, _snapshot: Any) -> bool:
    """Allow everything, but fail over what holds a certain field."""
    if isinstance(event.data, dict) and "raise" in event.data:
        raise KeyError(event.data["raise"])
    return True


MACHINE = Statechart(
    id="other",
    states=[
        {"name": "open", "tags": ["settled"]},
        {"name": "shut", "final": True, "output": {"done": True}},
    ],
    transitions=[["HELLO", "open", "open"], ["SHUT", "open", "shut"]],
)
