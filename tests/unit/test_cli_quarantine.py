"""The commands for the events that block instances, against the API in memory."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from settle.cli import operators
from settle.cli.api_client import Answer, ApiClient, ApiRefusedError
from settle.cli.main import main
from settle.cli.quarantine import (
    Selection,
    edit,
    path_of,
    retry_all,
    retry_one,
    show_blocked,
    show_one,
    skip,
)
from settle.core.definition import Definition
from settle.core.permission import Principal, SnapshotView, deny
from settle.runtime.permissions import Rules
from tests.support.api_gateway import ApiGateway
from tests.support.charts import action, machine, on, settled

Printed = pytest.CaptureFixture[str]


class Fault:
    """What the deployed machine does wrong, until it is mended."""

    def __init__(self) -> None:
        self.mended = False

    def pay(self, context: dict[str, Any], event: Any, _do: object) -> None:
        if not self.mended and event.data.get("n", 0) >= 0:
            raise RuntimeError("the rate is unknown")
        context.setdefault("seen", []).append(event.data.get("n", 0))


def till(fault: Fault, name: str = "till") -> Definition:
    paid = action("pay", fault.pay)
    return machine(name, settled("open", on("PAY", "open", actions=(paid,)), on("REFUND", "open", actions=(paid,))))


class Shop:
    """Two machines with blocked instances, and a client of their API."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.fault = Fault()
        machines = till(self.fault), till(self.fault, "bank")
        self.api = ApiGateway(*machines, rules={"till": rules} if rules else None)
        self.requests: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda _method, _path: None
        self.slept: list[float] = []
        self.client = ApiClient(self.send, self.sleep)

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.requests.append((method, path))
        self.before(method, path)
        answer = self.api.request(method, path, headers=headers, content=body)
        return Answer(answer.status, answer.text)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.api.clock.sleep(seconds)

    def block(self, *groups: str, event: str = "PAY") -> None:
        for number, group in enumerate(groups):
            self.api.system.post(group, (event, {"n": number}))
            self.api.system.pump()
            self.api.system.clock.sleep(1)

    def mend(self) -> None:
        self.fault.mended = True

    def is_blocked(self, group: str) -> bool:
        return self.api.system.instance(group).blocked is not None


@pytest.fixture
def shop() -> Shop:
    return Shop()


# ---- seeing


def test_all_blocked_instances_are_listed_with_what_blocks_them(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1", "bank/1")
    assert show_blocked(shop.client, Selection()) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[:3] for line in lines if not line.startswith(" ")] == [
        ["bank/1", "PAY", "user_code"],
        ["till/1", "PAY", "user_code"],
        ["2 blocked"],
    ]
    assert "the rate is unknown" in lines[1]


def test_with_nothing_blocked_the_list_says_so(shop: Shop, capsys: Printed) -> None:
    assert show_blocked(shop.client, Selection()) == 0
    assert capsys.readouterr().out == "0 blocked\n"


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(machines=("till",)), ["till/1", "till/2"]),
        (Selection(type="REFUND"), ["till/2"]),
        (Selection(code="too_deep"), []),
        (Selection(code="user_code", limit=2), ["bank/1", "till/1"]),
    ],
)
def test_a_selection_shows_no_others(shop: Shop, capsys: Printed, selection: Selection, names: list[str]) -> None:
    shop.block("till/1", "bank/1")
    shop.block("till/2", event="REFUND")
    show_blocked(shop.client, selection)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "/" in line.split()[0]] == names


def test_one_is_shown_with_its_data(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    assert show_one(shop.client, "till/1") == 0
    assert json.loads(capsys.readouterr().out)["event"]["data"] == {"n": 0}


# ---- trying again


def test_after_a_mend_all_are_tried_again_over_every_page(shop: Shop, capsys: Printed) -> None:
    groups = [f"till/{number}" for number in range(120)]
    shop.block(*groups)
    shop.mend()
    assert retry_all(shop.client, Selection(), 10.0) == 0
    assert not any(map(shop.is_blocked, groups))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "till/0  applied"
    assert lines[-1] == "120 tried again: 120 applied"
    assert shop.slept.count(0.1) == 119


def test_what_fails_again_is_said_and_tried_once(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1", "till/2")
    assert retry_all(shop.client, Selection(), 10.0) == 1
    assert capsys.readouterr().out.splitlines() == [
        "till/1  quarantined  user_code",
        "till/2  quarantined  user_code",
        "2 tried again: 2 quarantined",
    ]
    assert [path for method, path in shop.requests if method == "POST"] == [
        "/machines/till/instances/1/retry",
        "/machines/till/instances/2/retry",
    ]


def test_a_run_may_be_stopped_and_run_again(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1", "till/2", "till/3")
    shop.mend()

    def stop(method: str, path: str) -> None:
        if (method, path) == ("POST", "/machines/till/instances/2/retry"):
            raise KeyboardInterrupt

    shop.before = stop
    with pytest.raises(KeyboardInterrupt):
        retry_all(shop.client, Selection(), 10.0)
    assert capsys.readouterr().out.splitlines()[-1] == "1 tried again: 1 applied"
    shop.before = lambda _method, _path: None
    assert retry_all(shop.client, Selection(), 10.0) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 tried again: 2 applied"
    assert [shop.api.system.context(f"till/{number}")["seen"] for number in (1, 2, 3)] == [[0], [1], [2]]


def test_what_somebody_else_has_mended_meanwhile_is_left_alone(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    shop.mend()

    def meanwhile(method: str, _path: str) -> None:
        if method == "POST":
            shop.api.system.control("till/1", "skip")
            shop.api.system.pump()

    shop.before = meanwhile
    assert retry_all(shop.client, Selection(), 10.0) == 0
    assert capsys.readouterr().out.splitlines()[0] == "till/1  not_blocked"


def test_a_retry_that_the_consumer_finds_nothing_for_is_no_failure(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    shop.api.system.control("till/1", "skip")  # taken after the API has looked
    shop.api.clock.while_asleep = shop.api.system.pump
    assert retry_one(shop.client, "till/1") == 0
    assert capsys.readouterr().out == "till/1  not_blocked\n"


def test_of_a_paused_instance_it_is_said_that_its_event_waits(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    shop.api.system.control("till/1", "pause")
    shop.api.system.pump()
    shop.mend()
    assert retry_one(shop.client, "till/1") == 1
    assert capsys.readouterr().out == "till/1  held\n"


def test_an_event_whose_receipt_is_not_kept_is_finished(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    shop.mend()
    retried: list[str] = []

    def flood(method: str, path: str) -> None:
        if method == "POST":
            retried.append(path)
        elif "/receipts/" in path:
            for _ in range(40):
                shop.api.system.post("till/1", ("PAY", {"n": 1}))
            shop.api.system.pump()

    shop.before = flood
    assert retry_one(shop.client, "till/1") == 0
    assert capsys.readouterr().out == "till/1  finished\n"


def test_a_consumer_that_is_behind_is_said(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    shop.api.clock.while_asleep = lambda: None
    assert retry_one(shop.client, "till/1") == 1
    assert capsys.readouterr().out == "till/1  failed  the wish to try it again is queued\n"


def nobody(_principal: Principal, event: Any, _snapshot: SnapshotView | None) -> object:
    return not event.type.startswith("settle.") or deny("operators_only")


def test_a_refusal_is_said_and_the_others_are_tried(capsys: Printed) -> None:
    shop = Shop(Rules(allow_send=nobody))
    shop.block("till/1", "bank/1")
    shop.mend()
    assert retry_all(shop.client, Selection(), 10.0) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "bank/1  applied"
    assert lines[1].startswith("till/1  failed  till/1: 'settle.retry' is denied by rule:operators_only")
    assert lines[2] == "2 tried again: 1 applied, 1 failed"


# ---- skipping and editing


def test_a_skipped_event_is_given_up(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    assert skip(shop.client, "till/1") == 0
    assert capsys.readouterr().out == "till/1  applied\n"
    assert not shop.is_blocked("till/1")


def test_there_must_be_something_to_skip(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    shop.api.system.control("till/1", "skip")
    shop.api.system.pump()
    assert skip(shop.client, "till/1") == 1
    assert capsys.readouterr().out == "till/1  not_blocked\n"


def test_a_skip_is_of_the_event_that_was_read(shop: Shop) -> None:
    shop.block("till/1")
    shop.block("till/1")

    def meanwhile(method: str, _path: str) -> None:
        if method == "POST":
            shop.api.system.control("till/1", "skip")
            shop.api.system.pump()

    shop.before = meanwhile
    with pytest.raises(ApiRefusedError) as refused:
        skip(shop.client, "till/1")
    assert refused.value.code == "event_changed"
    assert shop.is_blocked("till/1")


def test_an_edited_event_is_tried_again(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    assert edit(shop.client, "till/1", {"data": {"n": -1}}) == 0
    assert capsys.readouterr().out == "till/1  applied\n"
    assert shop.api.system.context("till/1")["seen"] == [-1]


def test_an_edited_event_that_fails_again_is_said(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    assert edit(shop.client, "till/1", {"data": {"n": 7}}) == 1
    assert capsys.readouterr().out == "till/1  quarantined  user_code\n"


def test_an_edit_is_of_the_event_that_was_read(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    first = shop.api.get(path_of("till/1") + "/blocked").json["event"]

    def meanwhile(method: str, _path: str) -> None:
        if method == "POST":
            shop.api.system.edit("till/1", first["id"], ("PAY", {"n": 0}), ("PAY", {"n": 1}))
            shop.api.system.pump()

    shop.before = meanwhile
    with pytest.raises(ApiRefusedError) as refused:
        edit(shop.client, "till/1", {"data": {"n": -1}})
    assert refused.value.code == "event_changed"
    assert capsys.readouterr().out == ""


def test_an_edit_that_the_consumer_refuses_is_said(shop: Shop, capsys: Printed) -> None:
    shop.block("till/1")
    shop.api.system.control("till/1", "retry")  # taken after the API has looked, and failing again
    shop.api.system.control("till/1", "skip")
    assert edit(shop.client, "till/1", {"data": {"n": -1}}) == 1
    assert capsys.readouterr().out == "till/1  ignored  not_blocked\n"


# ---- the command line


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["blocked"], "say where the API is"),
        (["blocked", "--url", "ftp://x"], "is not the address of an API"),
        (["retry", "--url", "http://127.0.0.1:9"], "say which instance, or --all"),
        (["retry", "a/b", "--all", "--url", "http://127.0.0.1:9"], "say which instance, or --all"),
        (["skip", "ab", "--url", "http://127.0.0.1:9"], "write machine/instance"),
        (["edit", "a/b", "--url", "http://127.0.0.1:9"], "say what is to change"),
        (["edit", "a/b", "--data", "{", "--url", "http://127.0.0.1:9"], "--data is not JSON"),
        (["edit", "a/b", "--data", "@/nowhere", "--url", "http://127.0.0.1:9"], "/nowhere cannot be read"),
    ],
)
def test_a_command_that_cannot_be_run_says_why(
    capsys: Printed, monkeypatch: pytest.MonkeyPatch, arguments: list[str], error: str
) -> None:
    monkeypatch.delenv("SETTLE_URL", raising=False)
    assert main(arguments) == 2
    assert error in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["retry", "--limit", "0"], ["retry", "--rate", "0"], ["retry", "--rate", "x"], ["redrive", "tasks"]]
)
def test_numbers_and_names_are_checked(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def run(shop: Shop, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run a command whose requests go to the API in memory."""

    class InMemory:
        def __init__(self, url: str, _sign: object) -> None:
            assert url == "http://in.memory"

        def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
            return shop.send(method, path, headers, body)

        def close(self) -> None:
            pass

    monkeypatch.setattr(operators, "HttpSender", InMemory)
    monkeypatch.setattr(time, "sleep", shop.sleep)
    monkeypatch.setenv("SETTLE_URL", "http://in.memory")
    return main(arguments)


def test_each_command_reaches_what_it_is_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: Printed, tmp_path: Any
) -> None:
    shop.block("till/1", "till/2", "till/3")
    data = tmp_path / "data.json"
    data.write_text('{"n": -5}')
    assert run(shop, monkeypatch, "blocked", "--machine", "till", "--code", "user_code", "--limit", "2") == 1
    assert run(shop, monkeypatch, "blocked", "till/1") == 0
    assert run(shop, monkeypatch, "edit", "till/1", "--data", f"@{data}", "--type", "REFUND") == 0
    assert run(shop, monkeypatch, "skip", "till/2") == 0
    shop.mend()
    assert run(shop, monkeypatch, "retry", "till/3") == 0
    assert run(shop, monkeypatch, "retry", "--all", "--machine", "till", "--type", "PAY", "--rate", "5") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 tried again"
    assert shop.api.system.context("till/1")["seen"] == [-5]


def test_data_may_be_piped_in(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped:
        def read(self) -> str:
            return '{"n": -5}'

    shop.block("till/1")
    monkeypatch.setattr(sys, "stdin", Piped())
    assert run(shop, monkeypatch, "edit", "till/1", "--data", "@-") == 0
    assert shop.api.system.context("till/1")["seen"] == [-5]


def test_a_refusal_ends_a_command_with_its_code(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    assert run(shop, monkeypatch, "blocked", "till/none") == 2
    assert capsys.readouterr().err.startswith("unknown_instance: ")


def test_an_interrupted_command_ends_as_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_method: str, _path: str) -> None:
        raise KeyboardInterrupt

    shop.before = stop
    assert run(shop, monkeypatch, "blocked") == 130
