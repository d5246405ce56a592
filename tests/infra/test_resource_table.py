from pathlib import Path

import pytest

from infra.resource_reasons import REASONS, NoReasonError, find_pattern
from infra.resource_table import BEGIN, END, NoPlaceError, Resource, main, read_resources, write_table
from tests.infra.synthesized import ROOT, Synthesized

DOCUMENT = ROOT / "docs" / "operations.md"
TOPIC = Resource(path="Told/Topic", logical_id="ToldTopic1", kind="AWS::SNS::Topic", reason="Tells.")


def test_the_document_lists_what_production_consists_of(prod: Synthesized) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert write_table(document, read_resources(prod.output)) == document, "write it anew with `make resources`"


def test_each_resource_of_a_stage_has_a_row(stack: Synthesized) -> None:
    resources = {resource.logical_id: resource.kind for resource in read_resources(stack.output)}
    assert resources == {name: resource["Type"] for name, resource in stack.template["Resources"].items()}


def test_the_other_stages_consist_of_the_same(dev: Synthesized, staging: Synthesized, prod: Synthesized) -> None:
    first, *others = ([(row.kind, row.reason) for row in read_resources(s.output)] for s in (prod, dev, staging))
    assert others == [first, first]


def test_every_reason_is_that_of_a_resource(prod: Synthesized, variants: dict[str, Synthesized]) -> None:
    rows = [row for stack in (prod, *variants.values()) for row in read_resources(stack.output)]
    assert {row.reason for row in rows} >= set(REASONS.values())


def test_a_resource_that_nobody_gave_a_reason_has_no_row() -> None:
    with pytest.raises(NoReasonError, match="Added/Bucket has no reasons"):
        find_pattern("Added/Bucket")


def test_two_reasons_for_one_resource_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.resource_reasons.REASONS", {"Snapshots/*": "One.", "*/Table": "Another."})
    with pytest.raises(NoReasonError, match="Snapshots/Table has 2 reasons"):
        find_pattern("Snapshots/Table")


def test_a_reason_is_for_as_many_parts_as_it_has() -> None:
    assert find_pattern("Consumer/Logs") == "*/Logs"
    with pytest.raises(NoReasonError):
        find_pattern("Consumer/Function/Logs")


def test_functions_and_alarms_say_themselves_why_they_exist(prod: Synthesized) -> None:
    reasons = {row.path: row.reason for row in read_resources(prod.output)}
    description = prod.function("worker")["Properties"]["Description"]
    assert reasons["Worker/Function"] == f"{description}."
    assert reasons["Observability/CallsFail"] == (
        "Says: The API answered calls with 5xx in three of the last five minutes."
    )


def test_the_table_takes_the_place_of_the_last_one_only() -> None:
    document = f"Before\n{BEGIN}\n| stale |\n{END}\nAfter\n"
    assert write_table(document, [TOPIC]) == (
        f"Before\n{BEGIN}\n\n"
        "| Logical id | Type | Why it exists |\n|---|---|---|\n| `ToldTopic1` | AWS::SNS::Topic | Tells. |\n"
        f"\n{END}\nAfter\n"
    )


@pytest.mark.parametrize("document", ["", BEGIN, f"{END}{BEGIN}"])
def test_a_document_without_a_place_for_it_is_refused(document: str) -> None:
    with pytest.raises(NoPlaceError, match="put '<!-- resources"):
        write_table(document, [TOPIC])


def test_the_command_writes_into_the_document(prod: Synthesized, tmp_path: Path) -> None:
    document = tmp_path / "operations.md"
    document.write_text(f"{BEGIN}{END}")
    main(document, prod.output)
    (table,) = prod.of_type("AWS::DynamoDB::GlobalTable")
    assert f"| `{table}` | AWS::DynamoDB::GlobalTable | {REASONS['Snapshots/Table']} |" in document.read_text()
