"""The outputs of the stack: what a client and an operator need, and the commands of the operator's guide."""

from aws_cdk import CfnOutput, Stack

from infra.observability import Observability
from infra.watched import Watched

# It redirects to the region's own.
CONSOLE = "https://console.aws.amazon.com"


def add_outputs(stack: Stack, watched: Watched, observability: Observability) -> None:
    """Add the outputs to a stack."""
    dashboard = observability.dashboard.dashboard_name
    outputs = {
        "ApiUrl": watched.api.url,
        "TableName": watched.table.table.table_name,
        "QueueUrl": watched.events.queue.queue_url,
        "DeadLetterQueueUrl": watched.events.dead_letter_queue.queue_url,
        "TimersQueueUrl": watched.timers.queue.queue_url,
        "TimersDeadLetterQueueUrl": watched.timers.dead_letter_queue.queue_url,
        "TasksQueueUrl": watched.tasks.queue.queue_url,
        "TasksDeadLetterQueueUrl": watched.tasks.dead_letter_queue.queue_url,
        "ScheduleGroupName": watched.timers.group.schedule_group_name,
        "AccessLogGroupName": watched.api.logs.group.log_group_name,
        "DashboardUrl": f"{CONSOLE}/cloudwatch/home?region={stack.region}#dashboards/dashboard/{dashboard}",
        "UrgentTopicArn": observability.urgent.topic.topic_arn,
        "NoticesTopicArn": observability.notices.topic.topic_arn,
    }
    for name, function in watched.functions.items():
        outputs[f"{name.capitalize()}FunctionName"] = function.function.function_name
        outputs[f"{name.capitalize()}LogGroupName"] = function.log_group.log_group_name
    for name, value in outputs.items():
        CfnOutput(stack, name, value=value)
