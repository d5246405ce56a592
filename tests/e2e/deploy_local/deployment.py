"""What is deployed, looked at from outside with the clients of an operator."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
from botocore.credentials import Credentials

from tests.e2e.deploy_local.emulator import ACCOUNT, REGION

COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
STAGE: Final = "dev"
STACK: Final = f"settle-{STAGE}"
TOLD_LINES: Final = 40
OF_LAMBDA: Final = ("START ", "END ", "REPORT ")


def _client(service: str) -> Any:
    return boto3.client(service)


@dataclass(kw_only=True)
class Deployment:
    """The stack.

    Attributes:
        outputs: of the stack, by name.
    """

    outputs: Mapping[str, str]
    _sqs: Any = field(default_factory=lambda: _client("sqs"))
    _logs: Any = field(default_factory=lambda: _client("logs"))
    _scheduler: Any = field(default_factory=lambda: _client("scheduler"))
    _iam: Any = field(default_factory=lambda: _client("iam"))

    def queues(self) -> dict[str, str]:
        """Return the URLs of the stack's queues, by name."""
        urls = self._sqs.list_queues(QueueNamePrefix=STACK).get("QueueUrls", [])
        return {url.rpartition("/")[2]: url for url in urls}

    def count_messages(self, name: str) -> int:
        """Return how many messages a queue has, hidden and delayed ones included."""
        answer = self._sqs.get_queue_attributes(QueueUrl=self.queues()[name], AttributeNames=list(COUNTS))
        return sum(int(answer["Attributes"][count]) for count in COUNTS)

    def count_dead_letters(self) -> dict[str, int]:
        """Return how many messages the dead-letter queues have, by name, empty ones left out."""
        counts = {name: self.count_messages(name) for name in self.queues() if "dead-letters" in name}
        return {name: count for name, count in counts.items() if count}

    def send_nonsense(self) -> None:
        """Send what is no event to the event queue, as a producer by itself could."""
        self._sqs.send_message(
            QueueUrl=self.outputs["QueueUrl"],
            MessageGroupId="parcel/nobody",
            MessageDeduplicationId="nonsense",
            MessageBody="{}",
        )

    def schedules(self) -> list[str]:
        """Return when the schedules of the stack are due."""
        found = self._scheduler.list_schedules(GroupName=STACK)["Schedules"]
        return [self._scheduler.get_schedule(GroupName=STACK, Name=one["Name"])["ScheduleExpression"] for one in found]

    def create_caller(self, name: str, *, paths: str | None) -> Credentials:
        """Create a user and return its key.

        Args:
            name: of the user.
            paths: what it may call, such as `*/POST/machines/parcel/*`; None for nothing.
        """
        self._iam.create_user(UserName=name)
        if paths is not None:
            api = self.outputs["ApiUrl"].partition("//")[2].partition(".")[0]
            statement = {
                "Effect": "Allow",
                "Action": "execute-api:Invoke",
                "Resource": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{paths}",
            }
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            self._iam.put_user_policy(UserName=name, PolicyName="call-settle", PolicyDocument=document)
        key = self._iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    @contextmanager
    def deny(self, function: str, action: str) -> Iterator[None]:
        """Forbid an action to the role of a function for a while.

        Args:
            function: the output that names it.
            action: such as `sqs:SendMessage`.
        """
        configuration = _client("lambda").get_function_configuration(FunctionName=self.outputs[function])
        role = configuration["Role"].rpartition("/")[2]
        statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=document)
        yield
        self._iam.delete_role_policy(RoleName=role, PolicyName="denied")

    def log_lines(self) -> list[str]:
        """Return what the functions themselves logged last."""
        lines: list[tuple[int, str]] = []
        for group in self._logs.describe_log_groups()["logGroups"]:
            events = self._logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
            lines += [(event["timestamp"], event["message"].rstrip()) for event in events]
        return [line for _, line in sorted(lines) if not line.startswith(OF_LAMBDA)][-TOLD_LINES:]
