from settle import Statechart

MACHINE = Statechart(id="door", states=[{"name": "open", "timeout": "1h", "on_timeout": "closed"}, "closed"])
