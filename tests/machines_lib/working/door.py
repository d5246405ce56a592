"""A door in two versions, with a service, in a folder that is on no import path."""

from settle import ServiceCall, Statechart

from ._parts import STATES


def ring(_call: ServiceCall) -> None:
    """Ring the bell."""


FIRST = Statechart(id="door", states=STATES, transitions=[["CLOSE", "open", "closed"]])
MACHINE = Statechart(
    id="door",
    version=2,
    states=[*STATES, {"name": "ringing", "invoke": {"src": ring, "timeout": 5, "on_done": "open"}}],
    transitions=[["CLOSE", "open", "closed"], ["RING", "closed", "ringing"]],
    versions=[FIRST],
)
