"""A door that outlives an invocation: with a child, a service in the background, and a timer."""

from settle import ServiceCall, Statechart


def paint(_call: ServiceCall) -> None:
    """Paint it, which takes a while."""


MACHINE = Statechart(
    id="door",
    states=[
        "open",
        {"name": "locked", "invoke": {"machine": "lock", "on_done": "open", "on_error": "open"}},
        {
            "name": "drying",
            "invoke": {"src": paint, "mode": "background", "timeout": "4m", "on_done": "open", "on_error": "open"},
            "timeout": "1d",
            "on_timeout": "open",
        },
    ],
    transitions=[["LOCK", "open", "locked"], ["PAINT", "open", "drying"]],
)
