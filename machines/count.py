"""A counter that takes its time.

The first COUNT wakes it. Every further COUNT counts twice, from even to odd and on to the next even number, and before
each of the two a service is asked that takes 20 milliseconds. So after n COUNTs the count is 2 * (n - 1).

Between two COUNTs it rests, at `idle` or `even`, and nothing runs anywhere. Several COUNTs sent at once are counted one
after the other. Each call of the service is a line in `services.log`.
"""

import time

from machines._outbox import log_call
from settle import Context, ServiceCall, Statechart

SECONDS_PER_COUNT = 0.02


class Counter(Context):
    """What a counter remembers."""

    count: int = 0


def think(call: ServiceCall) -> None:
    """Stand for something slow, such as a request to another system."""
    time.sleep(SECONDS_PER_COUNT)
    log_call("services.log", call.key, f"{call.machine}/{call.instance} {call.invoke} attempt {call.attempt}")


def count_up(ctx: Counter) -> None:
    """Count one."""
    ctx.count += 1


MACHINE = Statechart(
    id="count",
    context=Counter,
    initial="idle",
    states=[
        {"name": "idle", "tags": ["settled"]},
        {"name": "even", "tags": ["settled"]},
        {"name": "counting_even", "invoke": {"src": think, "on_done": {"dest": "odd", "actions": count_up}}},
        {"name": "odd", "invoke": {"src": think, "on_done": {"dest": "even", "actions": count_up}}},
    ],
    transitions=[
        {"trigger": "COUNT", "source": "idle", "dest": "even"},
        {"trigger": "COUNT", "source": "even", "dest": "counting_even"},
    ],
    silenced={
        "unhandled-service-error": "a COUNT whose service fails for good waits, with all later ones, for an operator",
    },
)
