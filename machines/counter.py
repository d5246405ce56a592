"""A counter in two versions.

The twin of the versioning example in restatedev/xstate. `increment` counts by one in version 1 and by two in version 2.
An instance goes on under the version that it began with; a new one begins with the newest.
"""

from settle import Context, Statechart


class Counter(Context):
    """What a counter remembers."""

    count: int = 0


def count_one(ctx: Counter) -> None:
    """Count by one."""
    ctx.count += 1


def count_two(ctx: Counter) -> None:
    """Count by two."""
    ctx.count += 2


STATES = [{"name": "counting", "tags": ["settled"]}]

VERSION_1 = Statechart(
    id="counter",
    version=1,
    context=Counter,
    states=STATES,
    transitions=[{"trigger": "increment", "source": "counting", "dest": None, "actions": count_one}],
)
MACHINE = Statechart(
    id="counter",
    version=2,
    versions=[VERSION_1],
    context=Counter,
    states=STATES,
    transitions=[{"trigger": "increment", "source": "counting", "dest": None, "actions": count_two}],
)
