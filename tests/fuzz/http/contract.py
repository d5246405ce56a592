"""The document that the API serves, as what its answers are held to."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import schemathesis
from jsonschema_rs import Draft202012Validator
from requests import PreparedRequest
from schemathesis import Response
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

PROBLEM_TYPE: Final = "application/problem+json"
REFUSALS: Final = frozenset({400, 403, 404, 405, 409, 410, 412, 413, 415, 422, 429, 503})
"""Statuses of problems that a request can bring about; 401 is API Gateway's own."""
MAX_PROBLEM: Final = 131_072
"""Characters of a problem, whatever was asked."""
CHECKS: Final = (
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
_CONTROL: Final = re.compile(r"[^\t\x20-\x7e]")


class Contract:
    """Says where an answer is not what the document promises.

    Args:
        document: OpenAPI.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.schema = schemathesis.openapi.from_dict(dict(document))
        self.operations: dict[str, APIOperation[Any, Any, Any, Any]] = {}
        for found in self.schema.get_all_operations():
            assert isinstance(found, Ok), found
            self.operations[found.ok().label] = found.ok()
        components = {"components": document["components"]}
        self._problem = Draft202012Validator({"$ref": "#/components/schemas/Problem", **components})
        # A name in a path is worth more than a placeholder.
        rules = sorted(document["paths"], key=lambda path: path.count("{"))
        self._rules = [
            (re.compile(re.sub(r"{\w+}", "[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}"))), path)
            for path in rules
        ]

    def find_operation(self, method: str, path: str) -> APIOperation[Any, Any, Any, Any] | None:
        """Return what a request is for; None for nothing that there is."""
        fitting = (f"{method} {rule}" for pattern, rule in self._rules if pattern.fullmatch(path))
        return next((self.operations[label] for label in fitting if label in self.operations), None)

    def knows(self, path: str) -> bool:
        """Whether any method goes with a path."""
        return any(pattern.fullmatch(path) for pattern, _ in self._rules)

    def find_faults(self, method: str, path: str, status: int, headers: Mapping[str, Any], text: str) -> Iterator[str]:
        """Yield where an answer breaks the contract."""
        yield from _find_bad_headers(headers)
        operation = self.find_operation(method, path)
        if status >= 400:
            yield from self._find_problem_faults(status, headers, text)
        elif operation is None:
            yield f"{status} for what the document does not know"
        if operation is not None and (fault := _conform(operation, status, headers, text)):
            yield fault
        if operation is not None:
            described = {
                "content-type",
                *(name.lower() for name in _described_headers(self.document, operation, status)),
            }
            undescribed = {name.lower() for name in headers} - described
            if undescribed:
                yield f"{status} has headers that the document does not describe: {sorted(undescribed)}"

    def _find_problem_faults(self, status: int, headers: Mapping[str, Any], text: str) -> Iterator[str]:
        if status not in REFUSALS:
            yield f"status {status}"
        if headers.get("Content-Type") != PROBLEM_TYPE:
            yield f"a problem is {PROBLEM_TYPE}, not {headers.get('Content-Type')}"
        if len(text) > MAX_PROBLEM:
            yield f"a problem of {len(text)} characters"
        try:
            problem = strict_json(text)
            self._problem.validate(problem)
        except ValueError as error:
            yield f"no problem: {error}"
            return
        if problem["status"] != status:
            yield f"the problem says {problem['status']}, the answer {status}"
        if status == 405 and not headers.get("Allow"):
            yield "405 without Allow"
        if status in {429, 503} and not headers.get("Retry-After"):
            yield f"{status} without Retry-After"


def strict_json(text: str) -> Any:
    """Read JSON as the RFC has it. Raises `ValueError`."""
    import json  # noqa: PLC0415

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def _conform(operation: APIOperation[Any, Any, Any, Any], status: int, headers: Mapping[str, Any], text: str) -> str:
    wire = {name.lower(): [str(value)] for name, value in headers.items()}
    request = PreparedRequest()
    request.prepare(method=operation.method.upper(), url="http://localhost/")
    response = Response(status, wire, text.encode("utf-8", "surrogatepass"), request, 0.0, verify=False)
    case = operation.Case(path_parameters=dict.fromkeys(re.findall(r"{(\w+)}", operation.path), "x"))
    try:
        case.validate_response(response, checks=list(CHECKS))
    except (FailureGroup, AssertionError) as failure:
        return f"{status} is not as {operation.label} describes it: {_reason(failure)}"
    return ""


def _reason(failure: BaseException) -> str:
    parts = getattr(failure, "exceptions", None) or [failure]
    return "; ".join(str(part)[:500] for part in parts)


def _described_headers(
    document: Mapping[str, Any], operation: APIOperation[Any, Any, Any, Any], status: int
) -> set[str]:
    path = operation.path
    answers = document["paths"][path][operation.method.lower()]["responses"]
    answer = answers.get(str(status)) or answers.get("default")
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return set(answer.get("headers", ()))


def _find_bad_headers(headers: Mapping[str, Any]) -> Iterator[str]:
    for name, value in headers.items():
        if not isinstance(value, str) or _CONTROL.search(f"{name}{value}"):
            yield f"a header that HTTP cannot carry: {name}: {value!r}"
