"""The fuzzers find what there is to find: mistakes that are planted into the ingress."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.fuzz.http.audit import Audit, FaultError
from tests.fuzz.http.document import plan, try_operation
from tests.fuzz.http.figures import Figures
from tests.fuzz.http.lives import try_lives
from tests.fuzz.http.world import World, open_world

Resolve = Callable[..., dict[str, Any]]
Plant = Callable[[dict[str, Any]], None]


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("outside")) as opened:
        yield opened


@pytest.fixture
def audit(world: World) -> Audit:
    return Audit(world)


def try_everything(world: World, audit: Audit, only: str = "") -> None:
    for operation, mode in plan(audit):
        if only not in operation.label:
            continue
        try_operation(world, audit, operation, mode, examples=8, begin=1, figures=Figures())


def plant(world: World, monkeypatch: pytest.MonkeyPatch, when: Callable[[Any], bool], change: Plant) -> None:
    """Change the answers to some requests."""
    api = world.gateway.api
    resolve: Resolve = api.resolve

    def changed(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        answer = resolve(event, context)
        if when(event):
            change(answer)
        return answer

    monkeypatch.setattr(api, "resolve", changed)


def is_diagram(event: Any) -> bool:
    return bool(event["rawPath"].endswith("/diagram"))


def is_skip(event: Any) -> bool:
    return bool(event["rawPath"].endswith("/skip"))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda answer: answer.update(statusCode=500, body="{}"), "status 500"),
        (lambda answer: answer.update(statusCode=206), "not as"),
        (lambda answer: answer["headers"].update({"Content-Type": "text/html"}), "not as|a problem is"),
        (lambda answer: answer["headers"].update({"X-Debug": "1"}), "does not describe"),
        (lambda answer: answer["headers"].update({"ETag": "a\r\nb: c"}), "HTTP cannot carry"),
        (lambda answer: answer.update(body=answer["body"] + "Traceback (most recent call last)"), "tells"),
        (lambda answer: answer.update(body=answer["body"].replace("type", "KeyError")), "KeyError"),
    ],
    ids=["500", "another status", "another type", "another header", "a broken header", "a traceback", "a name"],
)
def test_an_answer_that_is_not_in_the_document_is_found(
    world: World, audit: Audit, monkeypatch: pytest.MonkeyPatch, change: Plant, found: str
) -> None:
    plant(world, monkeypatch, lambda event: is_diagram(event) or is_skip(event), change)
    with pytest.raises(FaultError, match=found):
        try_everything(world, audit, "/{instance}/")


def test_a_route_that_raises_is_found(world: World, audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("planted")

    monkeypatch.setattr("functions.ingress.routes.read_blocked", fail)
    with pytest.raises(FaultError, match="status 500"):
        try_everything(world, audit, "/blocked")


def test_an_event_that_is_accepted_and_lost_is_found(
    world: World, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("settle.runtime.submit_events.write_body", lambda *_: '{"kind": "events", "machine": 1}')
    with pytest.raises(FaultError, match=r"dead-letter queue|answers 404|stays queued"):
        try_everything(world, audit, "POST /machines/desk/")


def test_a_field_that_vanishes_is_found(world: World, audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(world, monkeypatch, lambda event: "/instances/" in event["rawPath"], _rename_revision)
    with pytest.raises(FaultError, match="not as"):
        try_everything(world, audit, "GET /machines/{machine}/instances/{instance}")


def _rename_revision(answer: dict[str, Any]) -> None:
    answer["body"] = (answer["body"] or "").replace('"revision"', '"reversion"')


def test_a_version_that_goes_back_is_found(world: World, audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = iter(range(10_000, 0, -1))
    monkeypatch.setattr("functions.ingress.views.instance_document", _counting_down(versions))
    with pytest.raises(AssertionError, match="after"):
        try_lives(world, audit, examples=10, steps=15, begin=1, figures=Figures())


def _counting_down(versions: Iterator[int]) -> Callable[..., dict[str, Any]]:
    from functions.ingress.documents import instance_document  # noqa: PLC0415

    def changed(*args: Any) -> dict[str, Any]:
        return {**instance_document(*args), "version": next(versions)}

    return changed
