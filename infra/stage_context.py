"""The stage as the command line asks for it: the table, and what is not written into it.

    -c stage=prod -c alarm_address=ops@example.com -c account=123456789012 -c region=eu-west-1

A value that is given once has to be given with every deploy, or stand in cdk.json: CDK deploys what it is told now.
"""

from collections.abc import Callable
from dataclasses import replace

from infra.stage import Stage, find_stage
from infra.stage_error import StageInvalidError


def read_stage(find_context: Callable[[str], object]) -> Stage:
    """Return the stage that a context asks for.

    Args:
        find_context: returns the context value of a name, or None.

    Raises:
        StageError: there is no such stage, or a value does not make sense.
    """
    stage = find_stage(find_context("stage"))
    stage = replace(
        stage,
        alarm_address=_text(find_context, "alarm_address") or stage.alarm_address,
        account=_text(find_context, "account") or stage.account,
        region=_text(find_context, "region") or stage.region,
    )
    if stage.customer_key and not (stage.account and stage.region):
        raise StageInvalidError(
            f"stage {stage.name!r} has a customer key, and a table takes one only where account and region are known: "
            "add -c account=... -c region=..."
        )
    return stage


def _text(find_context: Callable[[str], object], name: str) -> str | None:
    """Return a context value, None when it is not given. An empty one is a variable that nobody set in some script."""
    value = find_context(name)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise StageInvalidError(f"{name} {value!r} has to be a string that is not empty")
    return value
