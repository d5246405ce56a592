from settle import Statechart

MACHINE = Statechart(
    id="door",
    states=[{"name": "open", "invoke": {"machine": "lok", "on_done": "closed", "on_error": "closed"}}, "closed"],
)
