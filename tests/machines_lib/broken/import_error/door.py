from settle import Statechart

import not_installed_here

MACHINE = Statechart(id="door", states=["open", "closed"])
