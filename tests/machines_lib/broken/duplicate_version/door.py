from settle import Statechart

FIRST = Statechart(id="door", states=["open"])
MACHINE = Statechart(id="door", states=["open", "closed"], versions=[FIRST])
