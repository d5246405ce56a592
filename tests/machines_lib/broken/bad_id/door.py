from settle import Statechart

MACHINE = Statechart(id="Front_Door", states=["open", "closed"])
