"""The template of each stage stands beside the tests, so that a review shows what a change does to it.

`make snapshots` writes them anew.
"""

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from infra.stage import STAGES
from tests.infra.readable_template import readable
from tests.infra.synthesized import Synthesized


@pytest.mark.parametrize("stage", STAGES)
def test_the_template_is_the_reviewed_one(
    request: pytest.FixtureRequest, stage: str, snapshot: SnapshotAssertion
) -> None:
    synthesized: Synthesized = request.getfixturevalue(stage)
    assert readable(synthesized.template) == snapshot(extension_class=JSONSnapshotExtension)


def test_texts_are_read_in_one_piece_and_json_as_json() -> None:
    widget = ["", ['{"widgets":[{"region":"', {"Ref": "AWS::Region"}, '"}]}']]
    policy = ["", ["arn:", {"Ref": "AWS::Partition"}, ":sqs:", {"Fn::GetAtt": ["Queue", "QueueName"]}]]
    senders = [",", ["one", {"Ref": "Other"}]]
    template = {"Body": widget, "Resource": policy, "Senders": senders}
    assert readable({key: {"Fn::Join": join} for key, join in template.items()}) == {
        "Body": {"widgets": [{"region": "${AWS::Region}"}]},
        "Resource": "arn:${AWS::Partition}:sqs:${Queue.QueueName}",
        "Senders": "one,${Other}",
    }


def test_what_only_looks_like_json_stays_as_it_is() -> None:
    assert readable(["{proxy+}", "[]", "1"]) == ["{proxy+}", "[]", "1"]


def test_only_hashes_of_assets_are_left_out() -> None:
    assert readable({"S3Key": f"{'0123456789abcdef' * 4}.zip", "Short": "ab" * 31, "Timeout": 30, "On": True}) == {
        "S3Key": "<asset>.zip",
        "Short": "ab" * 31,
        "Timeout": 30,
        "On": True,
    }
