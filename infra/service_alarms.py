"""The alarms of what does the work: the API, the functions and the table."""

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.alarm_rule import AlarmRule
from infra.watched import FIVE_MINUTES, MINUTE, Watched

# Of the timeout of consumer and worker: what takes longer is close to being cut off.
NEAR_TIMEOUT = 0.8
# Clients may ask the ingress to wait for 25 s of its 29, so only what goes beyond that comes near.
NEAR_INGRESS_TIMEOUT_SECONDS = 27
# One message group has one consumer, so a few conflicts come from redelivery alone.
MANY_CONFLICTS = 10


def api_rules(watched: Watched) -> Iterator[AlarmRule]:
    """Return the alarms of the API."""
    yield AlarmRule(
        id="calls-fail",
        section="Calls fail",
        urgent=True,
        what="The API answered calls with 5xx in three of the last five minutes.",
        first="see in the access log which routes and which errors, then read the log of the ingress.",
        metric=watched.api.api.metric_server_error(statistic="Sum", period=MINUTE),
        threshold=1,
        points=3,
        periods=5,
    )


def function_rules(watched: Watched) -> Iterator[AlarmRule]:
    """Return the alarms of the three functions."""
    for name, function in watched.functions.items():
        # Nobody waits for the worker within seconds.
        urgent = name != "worker"
        timeout = (function.function.timeout or Duration.seconds(0)).to_seconds()
        near = NEAR_INGRESS_TIMEOUT_SECONDS if name == "ingress" else NEAR_TIMEOUT * timeout
        yield AlarmRule(
            id=f"{name}-fails",
            section="A function fails",
            urgent=urgent,
            what=f"The {name} crashed or ran out of time in three of the last five minutes.",
            first=f"read the errors in the log of the {name}; if they began with a deployment, roll it back.",
            metric=function.function.metric_errors(statistic="Sum", period=MINUTE),
            threshold=1,
            points=3,
            periods=5,
        )
        yield AlarmRule(
            id=f"{name}-throttled",
            section="A function is throttled",
            urgent=urgent,
            what=f"Lambda refused to run the {name} in three of the last five minutes.",
            first="compare its concurrency with what it may take, and with what the account has left.",
            metric=function.function.metric_throttles(statistic="Sum", period=MINUTE),
            threshold=1,
            points=3,
            periods=5,
        )
        yield AlarmRule(
            id=f"{name}-slow",
            section="A function comes near its timeout",
            urgent=False,
            what=f"For 15 minutes one in a hundred runs of the {name} took over {near:g} of its {timeout:g} seconds.",
            first="find out what it waits for: a service, the table, or its own processor.",
            metric=function.function.metric_duration(statistic="p99", period=FIVE_MINUTES),
            threshold=near * 1000,
            points=3,
            periods=3,
        )


def table_rules(watched: Watched) -> Iterator[AlarmRule]:
    """Return the alarms of the table, and of writes to it."""
    throttles = {
        "reads": watched.table_count("ReadThrottleEvents", period=MINUTE),
        "writes": watched.table_count("WriteThrottleEvents", period=MINUTE),
    }
    yield AlarmRule(
        id="table-throttled",
        section="The table is throttled",
        urgent=True,
        what="DynamoDB refused reads or writes of the table in three of the last five minutes.",
        first="see in the contributor insights of the table whether it is one instance or all of them.",
        # Each is there only when there is something to count.
        metric=cloudwatch.MathExpression(
            expression="FILL(reads, 0) + FILL(writes, 0)", label="throttled", period=MINUTE, using_metrics=throttles
        ),
        threshold=1,
        points=3,
        periods=5,
    )
    yield AlarmRule(
        id="writes-conflict",
        section="Writes conflict",
        urgent=False,
        what=f"For 15 minutes at least {MANY_CONFLICTS} writes in five minutes met an instance that had changed.",
        first="look whether batches take longer than their messages stay hidden.",
        metric=watched.count("Conflicts"),
        threshold=MANY_CONFLICTS,
        points=3,
        periods=3,
    )
