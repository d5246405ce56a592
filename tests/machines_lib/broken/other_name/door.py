from settle import Statechart

machine = Statechart(id="door", states=["open", "closed"])
