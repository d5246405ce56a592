"""Why each resource of the stack exists, by the path of its construct.

Functions and alarms are not here: they carry a description of their own, which the console shows too.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "Encryption/Key": "Encrypts whatever holds instances, events, alarms or logs, because the stage asks for it.",
        "Snapshots/Table": "Holds every instance, its held events and the ids of the events that were taken.",
        "Queues/Events": "Carries every event, in order within each instance.",
        "Queues/DeadLetters": "Keeps what cannot be read as an event of any instance, with the reason.",
        "Timers/Queue": "Every timer comes out of it: a near one by its delay, a far one from Scheduler.",
        "Timers/DeadLetters": "Keeps timers that could not be sent or forwarded.",
        "Timers/Group": "Holds one schedule for each timer that is more than 15 minutes ahead.",
        "Timers/SchedulerRole": "What Scheduler runs as: it may send to the timers queue and its dead letters.",
        "Tasks/Queue": "Carries the calls of background services, one in each message.",
        "Tasks/DeadLetters": "Takes calls that nobody saw end, until the worker has answered them with an error.",
        "*/*/Policy": "Lets nobody in without TLS.",
        "*/Logs": "Takes the log of the function, and forgets it when the stage says so.",
        "*/Role": "What the function runs as. Its id is what other functions believe messages from.",
        "*/Role/DefaultPolicy": "What the function may do, on which resources of this stack.",
        "Timers/*/DefaultPolicy": "The two queues that Scheduler may send to.",
        "Consumer/Function/Events": "Feeds events to the consumer, up to ten at a time.",
        "Consumer/Function/Timers": "Feeds timers that are due to the consumer, which forwards them.",
        "Worker/Function/Tasks": "Feeds background calls to the worker, one at a time.",
        "Worker/Function/DeadLetters": "Feeds calls that nobody saw end to the worker, which answers for them.",
        "Http/Api": "The HTTP API that callers see.",
        "Http/Api/Jwt": "Checks the tokens of callers.",
        "Http/Api/*/Ingress": "Hands requests to the ingress.",
        "Http/Api/*/ApiPermission.*": "Lets this API call the ingress, and nobody else.",
        "Http/Api/*--{proxy+}": "Every route that is not open or named otherwise; the ingress tells them apart.",
        "Http/Api/*--machines--*": "A route whose callers need a scope of its own.",
        "Http/Api/GET--health": "Uptime checks; open, and throttled by itself.",
        "Http/Api/POST--callbacks--{token}": "Completes a service by its token; open, and throttled by itself.",
        "Http/Api/Stage": "Makes the API reachable, and holds its throttles and the form of its access log.",
        "Http/Access/Logs": "Takes a line for each request, also for those that never reach the ingress.",
        "Observability/Urgent/Topic": "Tells of what somebody has to act on now.",
        "Observability/Notices/Topic": "Tells of what somebody has to act on within the day.",
        "Observability/*/Topic/Policy": "Lets the alarms of this stack publish, and nobody in without TLS.",
        "Observability/*/Topic/*@*": "Mails to the address that the stage names.",
        "Observability/Dashboard": "Shows all of it on one page.",
    }
)


class NoReasonError(LookupError):
    """A resource has no reason, or more than one; the message names it."""


def find_pattern(path: str) -> str:
    """Return the one pattern that a path matches, part by part.

    Args:
        path: of a construct, below the stack.

    Raises:
        NoReasonError: there is none, or there are several: then one of them speaks of more than it means.
    """
    found = [pattern for pattern in REASONS if _matches(path.split("/"), pattern.split("/"))]
    if len(found) != 1:
        raise NoReasonError(f"{path} has {len(found) or 'no'} reasons; say in {__name__} why it exists")
    return found[0]


def _matches(parts: list[str], patterns: list[str]) -> bool:
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
