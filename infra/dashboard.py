"""The dashboard, to be read from the top: is it well, what happens to events, what waits, and then each part."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch

from infra.watched import FIVE_MINUTES, Watched

WIDTH = 24
HEIGHT = 6

Row = list[cloudwatch.IWidget]


def dashboard_rows(watched: Watched, alarms: Sequence[cloudwatch.IAlarm]) -> list[Row]:
    """Return the rows of the dashboard."""
    return [
        _health(alarms),
        _events(watched),
        _times(watched),
        _queues(watched),
        _functions(watched),
        _long_work(watched),
        _table(watched),
    ]


def _health(alarms: Sequence[cloudwatch.IAlarm]) -> Row:
    if not alarms:
        return [cloudwatch.TextWidget(markdown="This stage has no alarms.", width=WIDTH, height=1)]
    return [
        cloudwatch.AlarmStatusWidget(
            title="Is it well? Red is explained in docs/operations.md", alarms=list(alarms), width=WIDTH, height=5
        )
    ]


def _events(watched: Watched) -> Row:
    api = watched.api.api
    return _row(
        _graph(
            "Calls to the API",
            api.metric_count(statistic="Sum", period=FIVE_MINUTES, label="all"),
            api.metric_client_error(statistic="Sum", period=FIVE_MINUTES, label="refused (4xx)"),
            api.metric_server_error(statistic="Sum", period=FIVE_MINUTES, label="failed (5xx)"),
        ),
        _graph(
            "What became of events",
            watched.count("Applied", label="applied"),
            watched.count("Ignored", label="ignored: no transition"),
            watched.count("Refused", label="refused by the machine"),
            watched.count("Denied", label="denied by a rule"),
            watched.count("Duplicates", label="duplicates"),
        ),
        _graph(
            "Events that could not be applied yet, or at all",
            watched.count("Held", label="held: the instance is busy or paused"),
            watched.count("Quarantined", label="quarantined: the instance is blocked"),
            watched.count("Buried", label="buried: unreadable"),
        ),
    )


def _times(watched: Watched) -> Row:
    api = watched.api.api
    return _row(
        _graph(
            "Answer of the API (ms)",
            *(api.metric_latency(statistic=each, period=FIVE_MINUTES, label=each) for each in ("p50", "p99")),
        ),
        _graph("From accepted to applied (ms)", *(watched.figure("Lag", each, label=each) for each in ("p50", "p99"))),
        _graph(
            "Instances of one batch until they are settled (ms)",
            *(watched.figure("SettleTime", each, label=each) for each in ("p50", "p99")),
        ),
    )


def _queues(watched: Watched) -> Row:
    return _row(
        _graph(
            "Messages that wait",
            *(
                queue.metric_approximate_number_of_messages_visible(
                    statistic="Maximum", period=FIVE_MINUTES, label=name
                )
                for name, queue in watched.queues.items()
            ),
        ),
        _graph(
            "Age of the oldest message (s)",
            *(
                queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=FIVE_MINUTES, label=name)
                for name, queue in watched.queues.items()
            ),
        ),
        _graph(
            "Dead letters",
            *(
                queue.metric_approximate_number_of_messages_visible(
                    statistic="Maximum", period=FIVE_MINUTES, label=name
                )
                for name, queue in watched.dead_letter_queues.items()
            ),
        ),
    )


def _functions(watched: Watched) -> Row:
    functions = {name: each.function for name, each in watched.functions.items()}
    return _row(
        _graph(
            "Slowest runs of the functions (p99, ms)",
            *(
                each.metric_duration(statistic="p99", period=FIVE_MINUTES, label=name)
                for name, each in functions.items()
            ),
        ),
        _graph(
            "Runs that failed or were throttled",
            *(
                each.metric_errors(statistic="Sum", period=FIVE_MINUTES, label=f"{name} failed")
                for name, each in functions.items()
            ),
            *(
                each.metric_throttles(statistic="Sum", period=FIVE_MINUTES, label=f"{name} throttled")
                for name, each in functions.items()
            ),
        ),
        _graph(
            "Runs at once",
            *(
                each.metric("ConcurrentExecutions", statistic="Maximum", period=FIVE_MINUTES, label=name)
                for name, each in functions.items()
            ),
        ),
    )


def _long_work(watched: Watched) -> Row:
    return _row(
        _graph(
            "Calls of services",
            watched.count("Services", label="called"),
            watched.count("ServiceErrors", label="failed"),
            watched.count("ServicesAbandoned", label="abandoned at their timeout"),
            watched.count("LateResults", label="answered too late"),
        ),
        _graph(
            "Timers: how late (ms)",
            *(watched.figure("TimerLateness", each, label=each) for each in ("p50", "p99", "Maximum")),
        ),
        _graph("Writes that met a changed instance", watched.count("Conflicts", label="conflicts")),
    )


def _table(watched: Watched) -> Row:
    return _row(
        _graph(
            "Units of the table",
            watched.table_count("ConsumedReadCapacityUnits", label="read"),
            watched.table_count("ConsumedWriteCapacityUnits", label="written"),
        ),
        _graph(
            "Calls that the table refused",
            watched.table_count("ReadThrottleEvents", label="reads throttled"),
            watched.table_count("WriteThrottleEvents", label="writes throttled"),
        ),
        _graph(
            "Conditions of writes that did not hold",
            watched.table_count("ConditionalCheckFailedRequests", label="conflicts and duplicates"),
        ),
    )


def _row(*widgets: cloudwatch.IWidget) -> Row:
    return list(widgets)


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    """Return a graph of a third of the width."""
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        width=WIDTH // 3,
        height=HEIGHT,
    )
