from settle import Statechart

MACHINE = Statechart(id="lock", states=["free"])
