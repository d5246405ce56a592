"""The small values that everything else is made of."""

import copy
import pickle

import pytest

from settle.core import errors
from settle.core.conditions import Guard, Not
from settle.core.errors import (
    DefinitionError,
    Disposition,
    EventInvalidError,
    FieldError,
    Finding,
    MicrostepLimitError,
    SettleError,
    UserCodeError,
)
from settle.core.event import Event, is_internal
from settle.core.macrostep import Macrostep, Microstep
from settle.core.service import ServiceError
from settle.core.snapshot import LiveInvoke, Snapshot
from settle.core.spec import NodeKind

SNAPSHOT = Snapshot(machine="m", machine_version=1, definition="0", configuration=("a",), context={})


@pytest.mark.parametrize("event_type", ["done.state.a", "done.invoke.x", "error.invoke.x", "settle.start", "done."])
def test_some_event_types_only_the_runtime_makes(event_type: str) -> None:
    assert is_internal(event_type)


@pytest.mark.parametrize("event_type", ["GO", "done", "doner.x", "my.done.x", "settled", ""])
def test_others_anybody_may_send(event_type: str) -> None:
    assert not is_internal(event_type)


def test_an_event_gives_the_fields_of_its_data() -> None:
    assert Event(type="GO", data={"n": 1})["n"] == 1
    assert Event(type="GO", data=LiveInvoke(id="svc", entry=1, node="a", src="s"))["src"] == "s"
    with pytest.raises(KeyError):
        Event(type="GO")["n"]


def test_a_live_invoke_is_found_by_its_key() -> None:
    live = LiveInvoke(id="svc", entry=2, node="a", src="s")
    snapshot = Snapshot(
        machine="m", machine_version=1, definition="0", configuration=("a",), context={}, invokes=(live,)
    )
    assert snapshot.find_invoke("svc#2") is live
    assert snapshot.find_invoke("svc#1") is None
    assert snapshot.started


def test_a_macrostep_was_taken_when_it_has_microsteps() -> None:
    assert not Macrostep(snapshot=SNAPSHOT).taken
    assert Macrostep(snapshot=SNAPSHOT, microsteps=(Microstep(event="GO"),)).taken


def test_values_read_well() -> None:
    def fn(*_: object) -> bool:
        return True

    assert str(Guard(name="paid", fn=fn)) == "paid"
    assert str(Not(Guard(name="paid", fn=fn))) == "not paid"
    assert str(ServiceError("declined")) == "declined"
    assert str(ServiceError("declined", "no funds")) == "declined: no funds"
    assert str(Finding(code="c", message="m")) == "c: m"
    assert str(Finding(code="c", message="m", node="a.b")) == "c at 'a.b': m"


def test_history_kinds_are_known() -> None:
    assert [kind for kind in NodeKind if kind.is_history] == [NodeKind.SHALLOW_HISTORY, NodeKind.DEEP_HISTORY]


def test_an_error_lists_its_fields() -> None:
    error = EventInvalidError(
        "event 'GO'", [FieldError("data.n", "is odd", "odd"), FieldError("data", "is bad", "bad")]
    )
    assert str(error) == "event 'GO' is not valid: data.n: is odd; data: is bad"
    assert [field.path for field in error.fields] == ["data.n", "data"]


def every_error(kind: type[SettleError] = SettleError) -> list[type[SettleError]]:
    return [kind, *(each for below in kind.__subclasses__() for each in every_error(below))]


CORE = [kind for kind in every_error() if kind.__module__ == errors.__name__ and not kind.__name__.startswith("_")]


@pytest.mark.parametrize("kind", CORE, ids=lambda kind: kind.__name__)
def test_every_error_has_a_short_code_and_a_disposition(kind: type[SettleError]) -> None:
    assert 0 < len(kind.code) <= 32
    assert isinstance(kind.disposition, Disposition)


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in CORE]
    assert len(set(codes)) == len(codes)


def test_errors_of_a_step_are_quarantined_and_errors_of_data_go_to_the_caller() -> None:
    assert UserCodeError("guard", "g", "a", ValueError("x")).disposition is Disposition.QUARANTINE
    assert EventInvalidError("e", []).disposition is Disposition.CALLER
    assert errors.SnapshotTooNewError.disposition is Disposition.RETRY


@pytest.mark.parametrize(
    "error",
    [
        UserCodeError("guard", "g", "a.b", ValueError("no")),
        DefinitionError("m", [Finding(code="x", message="y")]),
        EventInvalidError("event", [FieldError("data.n", "wrong", "type")]),
        MicrostepLimitError("too many"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_can_be_copied_and_sent_between_processes(error: SettleError) -> None:
    for again in (copy.deepcopy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - made here
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)
