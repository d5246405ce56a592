"""The FIFO queue that carries every event, and the queue for what no instance can take."""

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.queues import MAX_MESSAGE_BYTES, POSTPONING_ACTIONS, fifo_queue, grant


class EventQueue(Construct):
    """The event queue with its dead-letter queue.

    A message that moves to the dead-letter queue lets later ones of its group overtake it, so the consumer counts
    attempts on the instance and quarantines there. An outage must not use up the receives: the consumer, which lets a
    message wait a minute at first and a quarter of an hour later on, makes them last ten days.

    Attributes:
        queue: the event queue.
        dead_letter_queue: where unreadable messages are buried by the functions, and redriven ones end.
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
        # No size limit of its own: a buried message is as large as the original, and carries the reason besides.
        self.dead_letter_queue = fifo_queue(self, "DeadLetters", f"{name}-dead-letters", protected=protected, key=key)
        self.queue = fifo_queue(
            self,
            "Events",
            f"{name}-events",
            protected=protected,
            key=key,
            visibility=visibility,
            max_message_size_bytes=MAX_MESSAGE_BYTES,
            dead_letter_queue=self.dead_letter_queue,
        )

    def grant_send(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to send events."""
        return grant(grantee, self.queue, "sqs:SendMessage")

    def grant_receive(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to be fed by an event source mapping, to acknowledge early and to back off."""
        return grant(grantee, self.queue, *POSTPONING_ACTIONS)

    def grant_bury(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to send to the dead-letter queue."""
        return grant(grantee, self.dead_letter_queue, "sqs:SendMessage")
