from settle import Statechart

MACHINE = Statechart(id="door", states=["open", "closed"], transitions=[["settle.close", "open", "closed"]])
