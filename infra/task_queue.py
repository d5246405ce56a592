"""The queue of background services: each message is one call, made by the worker."""

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.queues import MAPPING_ACTIONS, POSTPONING_ACTIONS, grant, standard_queue


class TaskQueue(Construct):
    """The tasks queue with its dead-letter queue.

    Both feed the worker: what ends among the dead letters becomes the error event of its service. The worker shortens
    the visibility timeout of a message when it begins, and counts attempts itself. A call that no worker ever begins
    comes again each time the whole timeout has passed, and the 14 days of the queue end before its receives do: the
    deadline of the call, which is a timer, answers for that one.

    Attributes:
        queue: the tasks queue.
        dead_letter_queue: for calls that nobody saw end.
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
            self, "DeadLetters", f"{name}-tasks-dead-letters", protected=protected, key=key, visibility=visibility
        )
        self.queue = standard_queue(
            self,
            "Queue",
            f"{name}-tasks",
            protected=protected,
            key=key,
            visibility=visibility,
            dead_letter_queue=self.dead_letter_queue,
        )

    def grant_send(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to have services called."""
        return grant(grantee, self.queue, "sqs:SendMessage")

    def grant_receive(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to be fed by an event source mapping, and to say when a call has to be made again."""
        return grant(grantee, self.queue, *POSTPONING_ACTIONS)

    def grant_receive_dead_letters(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to be fed by an event source mapping with the calls that were given up."""
        return grant(grantee, self.dead_letter_queue, *MAPPING_ACTIONS)
