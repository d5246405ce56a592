from settle import Statechart

MACHINE = Statechart(
    id="door",
    states=["open", {"name": "closed", "on_entry": "lock"}],
    transitions=[["CLOSE", "open", "close"], ["OPEN", "closed", "open"]],
)
