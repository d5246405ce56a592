"""The alarms: each stands for something that a person has to do.

Urgent is what callers or instances are waiting for now. Nothing is wrong where nothing happens, so missing data never
sets off an alarm; a system that stands still shows as events that grow old, which the queue itself reports.
"""

from collections.abc import Iterator

from infra.alarm_rule import AlarmRule
from infra.message_alarms import event_rules, task_rules, timer_rules
from infra.service_alarms import api_rules, function_rules, table_rules
from infra.watched import Watched


def alarm_rules(watched: Watched) -> Iterator[AlarmRule]:
    """Return the alarms of a stage, in the order in which the dashboard shows them."""
    yield from api_rules(watched)
    yield from event_rules(watched)
    yield from timer_rules(watched)
    yield from task_rules(watched)
    yield from function_rules(watched)
    yield from table_rules(watched)
