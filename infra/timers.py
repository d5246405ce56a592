"""Timers: the queue that every timer comes out of, and EventBridge Scheduler for those that are far ahead."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.queues import MAPPING_ACTIONS, grant, standard_queue
from infra.removal import keep_role, removal_policy

SCHEDULER_SERVICE = "scheduler.amazonaws.com"


class Timers(Construct):
    """The timers queue with its dead-letter queue, and a schedule group whose schedules send to it.

    The queue is a standard one, since FIFO queues know no delay per message, and Scheduler gives all messages of a
    FIFO queue the same group. A message in it that nobody can forward stays hidden for the visibility timeout each
    time, so the receives last two days; after that it waits in the dead-letter queue to be moved back.

    Attributes:
        queue: the timers queue.
        dead_letter_queue: for timers that could not be forwarded.
        group: of the schedules. Deleting it deletes them.
        role: as which Scheduler sends to the queue. Each schedule keeps the ARNs of both, so whatever replaces one of
            them strands the schedules in flight. It stays where they stay, with what it may do: a schedule whose role
            is gone is dropped when it is due, since its dead-letter queue is out of reach too.
    """

    def __init__(  # noqa: PLR0913 - each argument is one decision of a stage
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        visibility: Duration,
        protected: bool,
        key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letter_queue = standard_queue(
            self, "DeadLetters", f"{name}-timers-dead-letters", protected=protected, key=key
        )
        self.queue = standard_queue(
            self,
            "Queue",
            f"{name}-timers",
            protected=protected,
            key=key,
            visibility=visibility,
            dead_letter_queue=self.dead_letter_queue,
        )
        self.group = scheduler.ScheduleGroup(
            self, "Group", schedule_group_name=name, removal_policy=removal_policy(protected=protected)
        )
        self.role = self._scheduler_role()
        keep_role(self.role, protected=protected)
        # A schedule is a resource of the group's name, not a part of the group's own ARN.
        self._schedules = Stack.of(self).format_arn(
            service="scheduler", resource="schedule", resource_name=f"{self.group.schedule_group_name}/*"
        )

    def _scheduler_role(self) -> iam.Role:
        """Return a role that Scheduler may take on for schedules of our own group only.

        The source that Scheduler names is the group, never one schedule:
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
        """
        source = {"aws:SourceAccount": Stack.of(self).account, "aws:SourceArn": self.group.schedule_group_arn}
        principal = iam.ServicePrincipal(SCHEDULER_SERVICE, conditions={"StringEquals": source})
        role = iam.Role(self, "SchedulerRole", assumed_by=principal)
        grant(role, self.queue, "sqs:SendMessage")
        # For what it could not send to the queue within a day.
        grant(role, self.dead_letter_queue, "sqs:SendMessage")
        return role

    def grant_set(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to set timers, near and far, and to cancel the far ones.

        Whoever creates a schedule hands over the role that it runs as, which has to be allowed too, and is for
        Scheduler alone.
        """
        schedules = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["scheduler:CreateSchedule", "scheduler:DeleteSchedule"],
            resource_arns=[self._schedules],
        )
        role = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["iam:PassRole"],
            resource_arns=[self.role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": SCHEDULER_SERVICE}},
        )
        return grant(grantee, self.queue, "sqs:SendMessage").combine(schedules).combine(role)

    def grant_receive(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to be fed by an event source mapping."""
        return grant(grantee, self.queue, *MAPPING_ACTIONS)
