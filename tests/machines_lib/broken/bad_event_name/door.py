from settle import Statechart

MACHINE = Statechart(id="door", states=["open", "closed"], transitions=[["CLOSE IT", "open", "closed"]])
