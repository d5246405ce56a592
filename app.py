"""The CDK app: one stack, for the stage given by `-c stage=...` (the default stands in cdk.json)."""

import aws_cdk as cdk

from infra import nag
from infra.stack import SettleStack
from infra.stage_context import read_stage
from infra.stage_error import StageError


def build(app: cdk.App) -> cdk.Stack:
    """Add the stack of the stage that the context names, and what checks it.

    Raises:
        StageError: there is no such stage, or a value given for it makes no sense.
    """
    stage = read_stage(app.node.try_get_context)
    stack = SettleStack(app, stage.stack_name, stage=stage)
    nag.check(stack, stage)
    return stack


def main() -> None:
    """Synthesize into the folder that the CDK command line expects."""
    app = cdk.App()
    try:
        build(app)
    except StageError as error:
        raise SystemExit(f"error: {error}") from None
    app.synth()


if __name__ == "__main__":
    main()
