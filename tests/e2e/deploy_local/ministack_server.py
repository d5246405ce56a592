"""ministack with what it lacks for this stack; a script for the interpreter of its own environment.

It checks signatures and policies (`AUTH=true`), with gaps that are closed here (seen with 1.5.33):

- Queues and buckets refuse what does not come by TLS, as their policies say. On loopback everything is as good as that.
- A message is stamped with the account, whoever sent it. SQS stamps the id of the role, and the runtime believes only
  messages of its own roles.
- Every schedule is taken to be in the group `default`, which the consumer's policy does not allow.
- An alarm on metric math fails the deployment. It becomes one on its first metric: nothing here looks at alarms.

It ends when its standard input does, so it never outlives whoever started it.
"""

import json
import os
import sys
import threading
from typing import Any

from ministack import app as ministack  # type: ignore[import-not-found]
from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-not-found]
from ministack.services import iam, sqs  # type: ignore[import-not-found]
from ministack.services.cloudformation import provisioners  # type: ignore[import-not-found]

_record_alarm = provisioners._cw_metric_alarm_record
_serve = ministack.app
_stamp = sqs._build_send_sys_attrs
_name = iam_actions.extract_resource_arn


def stamp_sender(now: float, given: dict[str, Any]) -> dict[str, Any]:
    """Return the system attributes of a message: the sender as `<role id>:<session>`, as SQS writes it."""
    attributes: dict[str, Any] = _stamp(now, given)
    caller = iam_evaluator.caller_arn()
    if ":assumed-role/" in caller:
        _, role, session = caller.split("/")
        attributes["SenderId"] = f"{iam._roles[role]['RoleId']}:{session}"
    return attributes


def name_resource(service: str, *request: Any) -> str:
    """Return the ARN that policies are asked about: that of a schedule with its group, as Scheduler names it."""
    arn: str = _name(service, *request)
    if service != "scheduler" or ":schedule/default/" not in arn:
        return arn
    _, _, _, body, query, *_ = request
    (group,) = query.get("groupName") or [json.loads(body or b"{}").get("GroupName", "default")]
    return arn.replace(":schedule/default/", f":schedule/{group}/")


def record_alarm(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Return an alarm as ministack keeps it."""
    if "Metrics" in properties:
        stat = next(entry["MetricStat"] for entry in properties["Metrics"] if "MetricStat" in entry)
        properties = {**properties, **stat["Metric"], "Period": stat["Period"], "Statistic": stat["Stat"]}
        del properties["Metrics"]
    alarm: dict[str, Any] = _record_alarm(name, properties)
    return alarm


async def serve_as_tls(scope: dict[str, Any], receive: object, send: object) -> None:
    """Answer a request as if TLS had ended just in front of it."""
    if scope["type"] == "http":
        scope["headers"] = [*scope["headers"], (b"x-forwarded-proto", b"https")]
    await _serve(scope, receive, send)


def end_with_parent() -> None:
    """Wait for the end of standard input."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    sqs._build_send_sys_attrs = stamp_sender
    iam_actions.extract_resource_arn = name_resource
    provisioners._cw_metric_alarm_record = record_alarm
    ministack.app = serve_as_tls
    threading.Thread(target=end_with_parent, daemon=True).start()
    ministack.main()
