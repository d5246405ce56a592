"""Every resource of a stage and why it exists, as a table in a document.

    python -m infra.resource_table docs/operations.md cdk.out

It reads a cloud assembly, so what the table says is what CloudFormation is told.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.resource_reasons import REASONS, find_pattern

BEGIN = "<!-- resources: what follows is written by `make resources` -->"
END = "<!-- resources: end -->"
# What L2 constructs call the resource that they stand for.
_RESOURCE = "/Resource"


class NoPlaceError(ValueError):
    """The document has no place for the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One row.

    Attributes:
        path: of its construct, below the stack.
        logical_id: in the template.
        kind: CloudFormation's name of its type.
        reason: why it exists.
    """

    path: str
    logical_id: str
    kind: str
    reason: str


def read_resources(assembly: Path) -> Iterator[Resource]:
    """Yield the resources of the one stack in an assembly, in the order of the template.

    Raises:
        NoReasonError: a resource has no reason, or several.
    """
    (template,) = assembly.glob("*.template.json")
    (metadata,) = assembly.glob("*.metadata.json")
    paths = _read_paths(json.loads(metadata.read_text(encoding="utf-8")))
    for logical_id, resource in json.loads(template.read_text(encoding="utf-8"))["Resources"].items():
        path, kind = paths[logical_id], resource["Type"]
        yield Resource(path=path, logical_id=logical_id, kind=kind, reason=_find_reason(path, resource))


def _read_paths(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the path of each logical id, without the stack and without what every resource ends with."""
    return {
        entry["data"]: path.split("/", 2)[-1].removesuffix(_RESOURCE)
        for path, entries in metadata.items()
        for entry in entries
        if entry["type"] == "aws:cdk:logicalId"
    }


def _find_reason(path: str, resource: Mapping[str, Any]) -> str:
    properties = resource.get("Properties", {})
    match resource["Type"]:
        case "AWS::Lambda::Function":
            return f"{properties['Description']}."
        case "AWS::CloudWatch::Alarm":
            # What to do about it follows, and has a section of its own.
            happened, _, _ = properties["AlarmDescription"].partition(". ")
            return f"Says: {happened}."
        case _:
            return REASONS[find_pattern(path)]


def write_table(document: str, resources: Iterable[Resource]) -> str:
    """Return the document with the table in its place.

    Raises:
        NoPlaceError: the two markers are not there.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise NoPlaceError(f"there is no place for the table: put {BEGIN!r} and {END!r} around it")
    rows = [f"| `{resource.logical_id}` | {resource.kind} | {resource.reason} |" for resource in resources]
    table = "\n".join(["| Logical id | Type | Why it exists |", "|---|---|---|", *rows])
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def main(document: Path, assembly: Path) -> None:
    """Write the table of an assembly into a document."""
    text = write_table(document.read_text(encoding="utf-8"), read_resources(assembly))
    document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
