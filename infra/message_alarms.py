"""The alarms of what waits in queues: events, timers, background calls, and the dead letters of each."""

from collections.abc import Iterator

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs

from infra.alarm_rule import AlarmRule
from infra.watched import MINUTE, Watched

OLD_EVENT_SECONDS = 60
# Two calls as long as the worker lets them be. After 15 minutes the deadlines of calls begin to answer in their place.
OLD_TASK_SECONDS = 600
# Beyond the longest delay of a message, 15 minutes: nobody takes timers out of the queue.
OLD_TIMER_SECONDS = 1200
LATE_TIMER_SECONDS = 120


def event_rules(watched: Watched) -> Iterator[AlarmRule]:
    """Return the alarms of events: those that wait, those that block their instance, and unreadable ones."""
    yield AlarmRule(
        id="events-wait",
        section="Events wait",
        urgent=True,
        what=f"For three minutes the oldest event in the queue has waited for more than {OLD_EVENT_SECONDS} seconds.",
        first="look whether all instances wait or few, and whether the consumer fails or is throttled.",
        metric=_age(watched.events.queue),
        threshold=OLD_EVENT_SECONDS,
        points=3,
        periods=3,
    )
    yield AlarmRule(
        id="instances-blocked",
        section="Instances are blocked",
        urgent=True,
        what="An event could not be applied. Its instance is blocked, and later events wait until somebody decides.",
        first="find the instance in the log of the consumer; its document has the traceback.",
        metric=watched.count("Quarantined"),
        threshold=1,
        # It ends when no further instance is blocked, which is not when the blocked ones move again.
        tells_end=False,
    )
    yield AlarmRule(
        id="events-dead-letters",
        section="Events among the dead letters",
        urgent=False,
        what="A message could be read as no event, or was received a thousand times. It is kept for 14 days.",
        first="read the message and the reason that it carries.",
        metric=_visible(watched.events.dead_letter_queue),
        threshold=1,
    )


def timer_rules(watched: Watched) -> Iterator[AlarmRule]:
    """Return the alarms of timers."""
    yield AlarmRule(
        id="timers-late",
        section="Timers are late",
        urgent=True,
        what=f"A timer was forwarded more than {LATE_TIMER_SECONDS} seconds after its time.",
        first="look whether it is over already: after an outage all due timers come at once.",
        metric=watched.figure("TimerLateness", "Maximum"),
        threshold=LATE_TIMER_SECONDS * 1000,
    )
    yield AlarmRule(
        id="timers-wait",
        section="Timers are late",
        urgent=True,
        what="Timers are not taken out of their queue: one has been there longer than a message can be delayed.",
        first="look whether the consumer's event source mapping for timers is enabled, and whether the consumer fails.",
        metric=_age(watched.timers.queue),
        threshold=OLD_TIMER_SECONDS,
        points=3,
        periods=3,
    )
    yield AlarmRule(
        id="timers-dead-letters",
        section="Timers among the dead letters",
        urgent=True,
        what="A timer could not be sent or forwarded. Its instance waits for it in vain. It is kept for 14 days.",
        first="find out why, then move the messages back.",
        metric=_visible(watched.timers.dead_letter_queue),
        threshold=1,
    )


def task_rules(watched: Watched) -> Iterator[AlarmRule]:
    """Return the alarms of background calls."""
    dead_letters = watched.tasks.dead_letter_queue
    yield AlarmRule(
        id="background-calls-wait",
        section="Background calls wait",
        urgent=False,
        what=f"For three minutes the oldest background call has waited for more than {OLD_TASK_SECONDS} seconds.",
        first="look whether the worker fails, or whether there are more calls than it may make at once.",
        metric=_age(watched.tasks.queue),
        threshold=OLD_TASK_SECONDS,
        points=3,
        periods=3,
    )
    yield AlarmRule(
        id="background-calls-dead-letters",
        section="Background calls among the dead letters",
        urgent=False,
        what="The worker cannot give up calls that nobody saw end: they have stayed among the dead letters.",
        first="read the log of the worker.",
        # The worker takes them within seconds, and one that it fails to answer is hidden again most of the time.
        metric=cloudwatch.MathExpression(
            expression="visible + hidden",
            label="dead letters",
            period=MINUTE,
            using_metrics={
                "visible": _visible(dead_letters),
                "hidden": dead_letters.metric_approximate_number_of_messages_not_visible(
                    statistic="Maximum", period=MINUTE
                ),
            },
        ),
        threshold=1,
        points=5,
        periods=5,
    )


def _age(queue: sqs.Queue) -> cloudwatch.Metric:
    return queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=MINUTE)


def _visible(queue: sqs.Queue) -> cloudwatch.Metric:
    """Return how many messages wait. How many were sent does not count those that SQS itself moves there."""
    return queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=MINUTE)
