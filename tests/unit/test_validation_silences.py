"""Silencing findings, with a reason."""

from collections.abc import Iterable

import pytest

from settle.core.errors import Finding
from settle.core.validation.silences import JUDGEMENTS, heed_silences

WARNING = Finding(code="unreachable-node", node="b", message="w", severity="warning")
JUDGEMENT = Finding(code="never-settles", node="b", message="e")
STRUCTURE = Finding(code="unknown-target", node="b", message="e")


def heed(findings: Iterable[Finding], *keys: str) -> list[tuple[str, str, str]]:
    left = heed_silences(findings, dict.fromkeys(keys, "a reason"))
    return [(finding.severity, finding.code, finding.node) for finding in left]


@pytest.mark.parametrize("finding", [WARNING, JUDGEMENT])
def test_warnings_and_judgements_are_silenced_by_code_or_by_code_and_node(finding: Finding) -> None:
    assert heed([finding], finding.code) == []
    assert heed([finding], f"{finding.code}@b") == []
    assert heed([finding]) == [(finding.severity, finding.code, "b")]


def test_what_is_not_named_stays() -> None:
    other = Finding(code="unreachable-node", node="c", message="w", severity="warning")
    assert heed([WARNING, other], "unreachable-node@b") == [("warning", "unreachable-node", "c")]
    assert heed([WARNING, JUDGEMENT], "unreachable-node") == [("error", "never-settles", "b")]


def test_a_finding_about_the_machine_itself_is_silenced_by_its_code_and_nothing() -> None:
    whole = Finding(code="unused-event", message="w", severity="warning")
    assert heed([whole], "unused-event@") == []


def test_an_error_that_leaves_no_machine_stays_and_the_attempt_is_an_error() -> None:
    left = heed_silences([STRUCTURE], {"unknown-target": "it does not matter"})
    assert [str(finding) for finding in left] == [
        "unknown-target at 'b': e",
        (
            "cannot-silence at 'b': 'unknown-target' cannot be silenced, since there is no machine to run with it; mend"
            " it, and drop the reason"
        ),
    ]
    assert {finding.severity for finding in left} == {"error"}


def test_each_attempt_is_named_once() -> None:
    twice = [STRUCTURE, Finding(code="unknown-target", node="c", message="e")]
    assert [code for _, code, _ in heed(twice, "unknown-target")] == ["unknown-target"] * 2 + ["cannot-silence"]


def test_a_reason_for_nothing_is_a_warning() -> None:
    (left,) = heed_silences([], {"unreachable-node@b": "it was so once"})
    assert str(left) == (
        "unused-silence at 'b': `silenced` gives a reason for 'unreachable-node@b', and there is no such finding;"
        " drop it"
    )
    assert left.severity == "warning"


def test_a_misspelt_code_is_recognised() -> None:
    (left,) = heed_silences([WARNING], {"unreachable-nod": "a slip"})[1:]
    assert "no such finding (did you mean 'unreachable-node'?); drop it" in left.message
    (left,) = heed_silences([], {"never-setles": "a slip"})
    assert "(did you mean 'never-settles'?)" in left.message


def test_as_long_as_there_are_errors_no_reason_is_called_unused() -> None:
    assert heed([JUDGEMENT], "unreachable-node") == [("error", "never-settles", "b")]


def test_reasons_for_nothing_may_be_silenced_all_at_once() -> None:
    assert heed([], "unused-silence", "unreachable-node", "never-settles@b") == []


def test_both_forms_may_be_used_for_one_finding() -> None:
    assert heed([WARNING], "unreachable-node", "unreachable-node@b") == []


def test_every_error_about_a_machine_that_runs_can_be_silenced() -> None:
    findings = [Finding(code=code, message="e") for code in sorted(JUDGEMENTS)]
    assert heed(findings, *JUDGEMENTS) == []
