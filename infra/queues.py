"""The queues of both kinds, and who may do what with one."""

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.removal import removal_policy

# The longest that SQS keeps a message. An outage of that length loses nothing.
RETENTION_DAYS = 14
# SQS takes up to 1 MiB, but an event that has to be held becomes a DynamoDB item, and those end at 400 KB. What waits
# or is called on its way to an instance becomes an event there.
MAX_MESSAGE_BYTES = 256 * 1024
# The most that SQS takes. Redrive is the last resort everywhere: attempts are counted by the runtime, which has an
# answer when they are used up, and a message that SQS moves away has none.
MAX_RECEIVE_COUNT = 1000
# Lambda's rule for SQS sources: room for the mapping's own retries when the function is throttled. With less, a batch
# that is still running becomes visible again.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBILITY_FACTOR = 6

# What an event source mapping calls, as the function's role.
MAPPING_ACTIONS = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
# What a function calls besides that lets messages wait by itself.
POSTPONING_ACTIONS = ("sqs:ChangeMessageVisibility", *MAPPING_ACTIONS)


def visibility_timeout(function_timeout_seconds: int) -> Duration:
    """Return how long a received message stays hidden, in a queue that feeds a function of this timeout."""
    return Duration.seconds(VISIBILITY_FACTOR * function_timeout_seconds)


def fifo_queue(  # noqa: PLR0913 - each argument is one property of a queue
    scope: Construct,
    construct_id: str,
    name: str,
    *,
    protected: bool,
    key: kms.IKey | None = None,
    visibility: Duration | None = None,
    max_message_size_bytes: int | None = None,
    dead_letter_queue: sqs.Queue | None = None,
) -> sqs.Queue:
    """Add a high-throughput FIFO queue.

    Deduplication is per message group: with the default scope, messages of two instances that happen to share a
    deduplication id would be one message. Content-based deduplication is off, so that a producer which forgets its id
    gets an error instead of a silent loss.
    """
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
        encryption=_encryption(key),
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=Duration.days(RETENTION_DAYS),
        visibility_timeout=visibility,
        max_message_size_bytes=max_message_size_bytes,
        dead_letter_queue=_redrive(dead_letter_queue),
        removal_policy=removal_policy(protected=protected),
    )


def standard_queue(  # noqa: PLR0913 - each argument is one property of a queue
    scope: Construct,
    construct_id: str,
    name: str,
    *,
    protected: bool,
    key: kms.IKey | None = None,
    visibility: Duration | None = None,
    dead_letter_queue: sqs.Queue | None = None,
) -> sqs.Queue:
    """Add a standard queue: no order and no deduplication, but a delay per message."""
    return sqs.Queue(
        scope,
        construct_id,
        # Named like the FIFO queues beside it, which have to be named.
        queue_name=name,
        encryption=_encryption(key),
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=Duration.days(RETENTION_DAYS),
        visibility_timeout=visibility,
        max_message_size_bytes=MAX_MESSAGE_BYTES,
        dead_letter_queue=_redrive(dead_letter_queue),
        removal_policy=removal_policy(protected=protected),
    )


def grant(grantee: iam.IGrantable, queue: sqs.Queue, *actions: str) -> iam.Grant:
    """Allow these actions on one queue. The queue's own grant_* methods also allow GetQueueUrl, which nobody calls."""
    return iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=[queue.queue_arn])


def _encryption(key: kms.IKey | None) -> sqs.QueueEncryption:
    return sqs.QueueEncryption.SQS_MANAGED if key is None else sqs.QueueEncryption.KMS


def _redrive(queue: sqs.Queue | None) -> sqs.DeadLetterQueue | None:
    return None if queue is None else sqs.DeadLetterQueue(queue=queue, max_receive_count=MAX_RECEIVE_COUNT)
