from settle import Statechart

from . import _helper

MACHINE = Statechart(id="door", states=["open", "closed"])
