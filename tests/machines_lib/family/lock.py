"""A lock, which a door begins as its child."""

from settle import Statechart

MACHINE = Statechart(
    id="lock", states=["shut", {"name": "released", "final": True}], transitions=[["RELEASE", "shut", "released"]]
)
