from settle import Statechart

LIMIT = 1 / 0

MACHINE = Statechart(id="door", states=["open", "closed"])
