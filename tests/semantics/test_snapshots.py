"""Snapshots: what a step refuses to go on from, and that it goes on the same from a stored one."""

import re

import pytest

from settle.core.configuration import is_settled, load_configuration, state_value
from settle.core.errors import SnapshotInvalidError, SnapshotTooNewError
from settle.core.event import Event
from settle.core.interpreter import start, step, stop
from settle.core.snapshot import Snapshot, Status
from settle.core.snapshot_codec import decode_snapshot, encode_snapshot
from settle.core.spec import NodeKind
from tests.support.charts import final, invoke, node, on, parallel
from tests.support.loud import Walk, loud, walk

CHART = loud(
    node("a", on("GO", "p"), on("BACK", "p.h")),
    parallel(
        "p",
        node("r", node("r1", on("GO", "p.r.r2")), node("r2")),
        node("s", node("s1", on("GO", "p.s.s2")), final("s2")),
        node("h", kind=NodeKind.DEEP_HISTORY),
        on("OUT", "a"),
    ),
    node("z"),
)


@pytest.mark.parametrize(
    "leaves",
    [
        pytest.param(("nowhere",), id="a node that is not there"),
        pytest.param(("a", "nowhere"), id="one of them is not there"),
        pytest.param(("",), id="the machine itself"),
        pytest.param(("p",), id="a parallel node without its regions"),
        pytest.param(("p.r",), id="a compound node without a child"),
        pytest.param(("p.r.r1",), id="a region is missing"),
        pytest.param(("p.r.r1", "p.r.r2", "p.s.s1"), id="two children of one compound node"),
        pytest.param(("a", "z"), id="two top-level nodes"),
        pytest.param(("a", "p.r.r1", "p.s.s1"), id="inside and outside"),
        pytest.param(("p.r.r1", "p.s.s1", "p.h"), id="a history node"),
        pytest.param(("p.h",), id="nothing but a history node"),
    ],
)
def test_an_illegal_configuration_is_refused(leaves: tuple[str, ...]) -> None:
    snapshot = Walk(CHART).snapshot._replace(configuration=leaves)
    for _ in range(2):
        with pytest.raises(SnapshotInvalidError):
            step(CHART, snapshot, Event(type="GO"))
        with pytest.raises(SnapshotInvalidError):
            state_value(CHART, snapshot)


def test_an_illegal_configuration_is_refused_also_when_the_instance_ended() -> None:
    with pytest.raises(SnapshotInvalidError, match="m has no node 'nowhere'"):
        step(CHART, Walk(CHART).snapshot._replace(configuration=("nowhere",), status=Status.DONE), Event(type="GO"))


def test_the_order_of_the_leaves_does_not_matter() -> None:
    assert load_configuration(CHART, ("p.s.s1", "p.r.r2")) == load_configuration(CHART, ("p.r.r2", "p.s.s1"))


def test_an_instance_that_has_not_started_takes_no_event() -> None:
    snapshot = Walk(CHART).snapshot._replace(configuration=())
    assert not step(CHART, snapshot, Event(type="GO")).taken


@pytest.mark.parametrize("path", ["p.r.gone", "a", "", "p"])
def test_a_recorded_history_that_names_a_node_from_elsewhere_is_refused(path: str) -> None:
    snapshot = Walk(CHART).snapshot._replace(history={"p.h": (path, "p.s.s1")})
    with pytest.raises(SnapshotInvalidError, match=rf"the history 'p\.h' of m names \['{re.escape(path)}'"):
        step(CHART, snapshot, Event(type="BACK"))
    assert step(CHART, snapshot, Event(type="GO")).taken


def revive(snapshot: Snapshot) -> Snapshot:
    """Through JSON text and back."""
    return decode_snapshot(encode_snapshot(snapshot))


def test_an_instance_goes_on_the_same_from_a_stored_snapshot() -> None:
    live, stored = Walk(CHART), Walk(CHART)
    for event in ("GO", "GO", "OUT", "BACK", "NOTHING", "OUT"):
        live.send(event)
        stored.snapshot = revive(stored.snapshot)
        stored.send(event)
        assert stored.last == live.last
    assert live.snapshot.history == {"p.h": ("p.r.r2", "p.s.s2")}
    assert revive(live.snapshot) == live.snapshot


def test_live_services_survive_a_stored_snapshot() -> None:
    def serve(_: object) -> None: ...

    chart = loud(node("a", invoke("svc", serve), on("done.invoke.svc", "b")), node("b"))
    walked = walk(chart)
    walked.snapshot = revive(walked.snapshot)
    assert not is_settled(chart, walked.snapshot)
    assert walked.answer("svc#1").at == "b"


def test_a_step_answers_the_same_whether_or_not_it_remembers() -> None:
    remembered, fresh = Walk(CHART), Walk(CHART)
    for event in ("GO", "GO", "OUT", "BACK", "OUT", "GO"):
        remembered.send(event)
        CHART.memo.clear()
        fresh.send(event)
        CHART.memo.clear()
        assert fresh.last == remembered.last
        assert state_value(CHART, fresh.snapshot) == state_value(CHART, remembered.snapshot)


def test_a_new_snapshot_names_its_machine_version_and_definition() -> None:
    snapshot = start(CHART).snapshot
    assert (snapshot.machine, snapshot.machine_version, snapshot.definition) == ("m", 1, CHART.hash)


@pytest.mark.parametrize("document", ["", "x", "[]", "{}", '{"s": "1"}', '{"s": 1, "v": 1, "d": "0", "c": [1]}'])
def test_a_text_that_is_no_snapshot_is_refused(document: str) -> None:
    with pytest.raises(SnapshotInvalidError, match="the text is no snapshot"):
        decode_snapshot(document)


def test_a_snapshot_of_a_newer_release_is_left_for_it() -> None:
    with pytest.raises(SnapshotTooNewError, match="format 3"):
        decode_snapshot('{"s": 3}')


@pytest.mark.parametrize("recorded", [(), ("p.r.r1",), ("p.r.r1", "p.r.r2", "p.s.s1"), ("p.h",), ("p.r", "p.s")])
def test_a_recorded_history_that_no_configuration_leaves_behind_is_refused(recorded: tuple[str, ...]) -> None:
    snapshot = Walk(CHART).snapshot._replace(history={"p.h": recorded})
    with pytest.raises(SnapshotInvalidError, match=r"the history 'p\.h' of m names"):
        step(CHART, snapshot, Event(type="BACK"))


@pytest.mark.parametrize("leaves", [("p", "p.r.r1", "p.s.s1"), ("a", "a")])
def test_a_configuration_is_its_leaves_each_once(leaves: tuple[str, ...]) -> None:
    with pytest.raises(SnapshotInvalidError, match="is not a legal configuration"):
        step(CHART, Walk(CHART).snapshot._replace(configuration=leaves), Event(type="GO"))


def test_a_snapshot_of_another_definition_is_refused() -> None:
    snapshot = Walk(CHART).snapshot._replace(definition="0123456789abcdef")
    with pytest.raises(SnapshotInvalidError, match="belongs to definition '0123456789abcdef' of 'm'"):
        step(CHART, snapshot, Event(type="GO"))
    with pytest.raises(SnapshotInvalidError, match="belongs to definition"):
        stop(CHART, snapshot)
