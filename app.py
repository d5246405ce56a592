"""The CDK app: one stack, for the stage given by `-c stage=...` (the default stands in cdk.json)."""

import aws_cdk as cdk

from infra.stack import SettleStack
from infra.stage import UnknownStageError, find_stage


def build(app: cdk.App) -> cdk.Stack:
    """Add the stack of the stage that the context names.

    Raises:
        UnknownStageError: there is no such stage.
    """
    stage = find_stage(app.node.try_get_context("stage"))
    return SettleStack(app, stage.stack_name, stage=stage)


def main() -> None:
    """Synthesize into the folder that the CDK command line expects."""
    app = cdk.App()
    try:
        build(app)
    except UnknownStageError as error:
        raise SystemExit(f"error: {error}") from None
    app.synth()


if __name__ == "__main__":
    main()
