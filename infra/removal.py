"""What happens to a resource when the stack goes."""

from typing import cast

from aws_cdk import CfnResource, RemovalPolicy
from aws_cdk import aws_iam as iam


def removal_policy(*, protected: bool) -> RemovalPolicy:
    """Return what happens to accepted work when the stack goes.

    An accepted event is data like the instance it is meant for. Except on create: after a failed first deploy a kept
    resource would hold its name against the next one.
    """
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if protected else RemovalPolicy.DESTROY


def keep_role(role: iam.Role, *, protected: bool) -> None:
    """Have a role, with what it may do so far, stay as long as the work that names it.

    Records in the queues carry the id of the role that sent them, schedules the ARN of the role that they run as. A new
    role of the same name has another id.
    """
    policy = removal_policy(protected=protected)
    role.apply_removal_policy(policy)
    # What grants add up to; the construct makes it with the first one and has no name for it.
    for granted in (child for child in role.node.children if isinstance(child, iam.Policy)):
        cast("CfnResource", granted.node.default_child).apply_removal_policy(policy)
