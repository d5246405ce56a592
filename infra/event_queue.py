"""The FIFO queue that carries every event, and the queue for what no instance can take."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

# The longest that SQS keeps a message. An outage of that length loses nothing.
RETENTION_DAYS = 14
# The most that SQS takes. A message that moves to the dead-letter queue lets later ones of its group overtake it, so
# redrive is the last resort: the consumer counts attempts on the instance and quarantines there. An outage must not use
# this number up: the consumer, which lets a message wait a minute at first and a quarter of an hour later on, makes it
# last ten days.
MAX_RECEIVE_COUNT = 1000
# SQS takes up to 1 MiB, but an event that has to be held becomes a DynamoDB item, and those end at 400 KB.
MAX_MESSAGE_BYTES = 256 * 1024

RECEIVE_ACTIONS = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
)


class EventQueue(Construct):
    """The event queue with its dead-letter queue.

    Both are high-throughput FIFO queues. Deduplication is per message group on both: with the default scope, messages
    of two instances that happen to share a deduplication id would be one message. Content-based deduplication is off,
    so that a producer which forgets its id gets an error instead of a silent loss.

    Attributes:
        queue: the event queue.
        dead_letter_queue: where unreadable messages are buried by the consumer, and redriven ones end.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name_prefix: str,
        visibility_timeout: Duration,
        protected: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        # No size limit of its own: a buried message is as large as the original, and carries the reason besides.
        self.dead_letter_queue = _fifo_queue(self, "DeadLetters", f"{name_prefix}-dead-letters", protected=protected)
        self.queue = _fifo_queue(
            self,
            "Events",
            f"{name_prefix}-events",
            protected=protected,
            max_message_size_bytes=MAX_MESSAGE_BYTES,
            visibility_timeout=visibility_timeout,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letter_queue, max_receive_count=MAX_RECEIVE_COUNT),
        )

    # The queue's own grant_* methods also allow GetQueueUrl, which nothing here calls.

    def grant_send(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to send events."""
        return _grant(grantee, self.queue, "sqs:SendMessage")

    def grant_receive(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to be fed by an event source mapping, to acknowledge early and to back off."""
        return _grant(grantee, self.queue, *RECEIVE_ACTIONS)

    def grant_bury(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow to send to the dead-letter queue."""
        return _grant(grantee, self.dead_letter_queue, "sqs:SendMessage")


def _fifo_queue(  # noqa: PLR0913 - each argument is one property of a queue
    scope: Construct,
    construct_id: str,
    name: str,
    *,
    protected: bool,
    visibility_timeout: Duration | None = None,
    max_message_size_bytes: int | None = None,
    dead_letter_queue: sqs.DeadLetterQueue | None = None,
) -> sqs.Queue:
    return sqs.Queue(
        scope,
        construct_id,
        # CloudFormation's generated names lack the suffix that SQS demands.
        queue_name=f"{name}.fifo",
        fifo=True,
        # High throughput needs the two together; one alone passes every validator and stays slow.
        deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
        fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
        content_based_deduplication=False,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(RETENTION_DAYS),
        visibility_timeout=visibility_timeout,
        max_message_size_bytes=max_message_size_bytes,
        dead_letter_queue=dead_letter_queue,
        # An accepted event is data like the instance it is meant for. Except on create: after a failed first deploy a
        # kept queue would hold its name against the next one.
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if protected else RemovalPolicy.DESTROY,
    )


def _grant(grantee: iam.IGrantable, queue: sqs.Queue, *actions: str) -> iam.Grant:
    return iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=[queue.queue_arn])
