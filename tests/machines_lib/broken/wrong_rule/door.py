from settle import Statechart

MACHINE = Statechart(id="door", states=["closed"])


def allow_send(principal, snapshot):
    return True
