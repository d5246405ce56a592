"""A lamp."""

from settle import Statechart

MACHINE = Statechart(id="lamp", states=["off", "on"], transitions=[["PRESS", "off", "on"], ["PRESS", "on", "off"]])
