"""What validation says about specs that no front end would have made."""

from typing import Any

import pytest

from settle.core.conditions import AllOf, Guard
from settle.core.delay import Delay
from settle.core.spec import Action, Delivery, InvokeMode, InvokeSpec, NodeKind, NodeSpec, TransitionSpec
from tests.support.charts import action, final, invoke, node, on, parallel
from tests.support.findings import after, check, child, codes, maybe, say, serve, severities

DEEP = NodeKind.DEEP_HISTORY


def act(*_: object) -> None: ...


# Parts out of place --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("misplaced", "part", "place"),
    [
        (parallel("p", node("x"), node("y"), initial=("p.x",)), "an `initial`", "a compound node"),
        (
            parallel("p", node("x"), node("y"), initial_actions=(action("t"),)),
            "actions of an `initial`",
            "a compound node",
        ),
        (node("p", history_default=("a",)), "a `default`", "a history node"),
        (node("p", history_actions=(action("t"),)), "actions of a `default`", "a history node"),
        (node("p", output=1), "an `output`", "a final node or the machine itself"),
        (node("p", node("x"), output={"n": 1}), "an `output`", "a final node or the machine itself"),
    ],
)
def test_a_part_that_the_kind_of_node_has_no_use_for_is_an_error(misplaced: NodeSpec, part: str, place: str) -> None:
    assert say(node("a", on("GO", "p")), misplaced) == [
        f"misplaced-part at 'p': it has {part}, and only {place} can; move or drop it"
    ]


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (on("GO", "box.x"), "transitions"),
        (after("5s", "box.x"), "transitions"),
        (invoke("i", serve), "services"),
    ],
)
def test_a_history_node_is_never_active(part: TransitionSpec | InvokeSpec, name: str) -> None:
    box = node("box", node("x"), node("h", part, kind=DEEP))
    found = say(node("a", on("GO", "box.h"), on("error.invoke.i", "a")), box)
    message = f"misplaced-part at 'box.h': it has {name}, and only a node that is ever active can; move or drop it"
    assert message in found


def test_a_history_node_has_no_tags() -> None:
    box = node("box", node("x"), node("h", kind=DEEP, tags=frozenset({"good"})))
    assert codes(node("a", on("GO", "box.h")), box) == [("misplaced-part", "box.h")]


def test_actions_of_a_history_node_never_run() -> None:
    box = node("box", node("x"), node("h", kind=DEEP, entry=(action("e"),)))
    (found,) = say(node("a", on("GO", "box.h")), box)
    assert found == (
        "unused-actions at 'box.h': a history node is never active, so its entry and exit actions never run; move or"
        " drop them"
    )
    assert severities(node("a", on("GO", "box.h")), box) == {"unused-actions": "warning"}


def test_parts_where_they_belong_are_fine() -> None:
    history = node("h", kind=DEEP, history_default=("box.x",), history_actions=(action("t"),))
    box = node("box", node("x"), history, final("z"), initial=("box.z",), initial_actions=(action("t"),))
    nodes = node("a", on("GO", "box"), on("BACK", "box.h")), box, final("end", output=1)
    root = {"output": {"n": 1}, "initial": ("a",), "initial_actions": (action("t"),)}
    assert codes(*nodes, root=root) == [("unreachable-node", "end")]


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["*", " a", "a ", "a\nb", "a\x00", "\ud800"])
def test_names_that_nobody_could_write_or_store_are_errors(name: str) -> None:
    (found,) = say(node(name))
    assert found == (
        f"unsafe-name at {name!r}: its name {name!r} is `*`, or has blanks around it or control characters in it;"
        " rename it"
    )
    inside = node("a", node(name))
    assert codes(inside) == [("unsafe-name", f"a.{name}")]


@pytest.mark.parametrize("name", ["a b", "Zürich", "待機", "a-b", "a@b", "a#1", "in_state", "1", "a*", "*a"])
def test_other_names_are_fine(name: str) -> None:
    assert codes(node(name, invoke(name, serve), on("error.*"))) == []


@pytest.mark.parametrize("identifier", ["", "*", "a.*", " i", "i\n"])
def test_ids_of_invokes_are_names_too(identifier: str) -> None:
    (finding,) = check(node("a", InvokeSpec(id=identifier, src="s"), on("error.*")))
    assert str(finding) == (
        f"unsafe-name at 'a': the id {identifier!r} of what it invokes is empty or `*`, or has blanks around it or"
        " control characters in it; give it another `id`"
    )
    assert finding.severity == "error"


# Data ----------------------------------------------------------------------------------------------------------------


class Thing:
    """No JSON data."""


ODD = {"thing": Thing()}


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        (node("a", meta=ODD), "its `meta`"),
        (node("a", InvokeSpec(id="i", src="s", input=ODD), on("error.*")), "the `input` of 'i'"),
        (node("a", entry=(Action(name="t", fn=act, params=ODD),)), "what the action 't' is given"),
        (node("a", exit=(Action(name="t", fn=act, params=ODD),)), "what the action 't' is given"),
        (node("a", on("GO", actions=(Action(name="t", fn=act, params=ODD),))), "what the action 't' is given"),
        (node("a", on("GO", before=(Action(name="t", fn=act, params=ODD),))), "what the action 't' is given"),
        (node("a", TransitionSpec(event="GO", meta=ODD)), "the `meta` of a transition"),
        (
            node("a", on("GO", guards=(AllOf((*maybe, Guard(name="g", fn=lambda *_: True, params=ODD))),))),
            "what the guard 'g' is given",
        ),
    ],
)
def test_what_the_hash_covers_is_json_data(odd: NodeSpec, what: str) -> None:
    assert say(odd) == [
        f"not-json at 'a': {what} is no JSON data, thing: Thing is not JSON data; write text, numbers, lists and dicts"
    ]


def test_an_output_is_json_data_too() -> None:
    assert codes(node("a", on("GO", "z")), final("z", output=ODD)) == [("not-json", "z")]


def test_so_is_the_initial_context() -> None:
    (found,) = say(node("a"), initial_context=ODD)
    assert found.startswith("not-json: the initial context is no JSON data, thing: Thing is not JSON data; ")


@pytest.mark.parametrize("value", [1, "text", [1, {"a": None}], {"a": (1.5, True)}, act])
def test_json_data_and_functions_are_fine(value: Any) -> None:
    invoking = InvokeSpec(id="i", src="s", input=value)
    assert codes(node("a", invoking, on("error.*"), on("GO", "z"), meta={"m": 1}), final("z", output=value)) == []


# Delays --------------------------------------------------------------------------------------------------------------


def test_a_delayed_transition_has_no_event() -> None:
    assert say(node("a", after("5s", "b", event="GO")), node("b")) == [
        "delayed-event at 'a': a transition has the event 'GO' and the delay '5s'; drop one, or write two transitions"
    ]


@pytest.mark.parametrize("seconds", [None, -1.0, float("nan"), 1e12])
def test_a_delay_has_seconds_or_a_function(seconds: float | None) -> None:
    (found,) = check(node("a", after("x", "b", seconds=seconds)), node("b"))
    assert str(found).startswith("bad-delay at 'a': the delay 'x' has neither seconds nor a function: a delay ")
    assert str(found).endswith("; set one")


def test_a_delay_may_be_a_function() -> None:
    delay = Delay(name="patience", fn=lambda _context, _event: 5)
    assert codes(node("a", TransitionSpec(targets=("b",), delay=delay)), node("b")) == []


def later(number: int) -> Any:
    return lambda _context, _event: number


def wrapped(function: Any) -> Any:
    return lambda context, _event: function(context)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Delay(name="x", seconds=1.0), Delay(name="x", seconds=2.0)),
        (Delay(name="x", seconds=1.0), Delay(name="x", fn=later(1))),
        (Delay(name="x", fn=later(1)), Delay(name="x", fn=later(2))),
        (Delay(name="x", fn=act), Delay(name="x", fn=later(1))),
        (Delay(name="x", fn=wrapped(act)), Delay(name="x", fn=wrapped(bool))),
    ],
)
def test_two_delays_of_one_name_would_share_a_timer(one: Delay, other: Delay) -> None:
    transitions = (TransitionSpec(targets=("b",), delay=delay, guards=maybe) for delay in (one, other))
    assert say(node("a", *transitions), node("b")) == [
        "ambiguous-delay at 'a': two different delays have the name 'x', and one would be lost; rename one"
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Delay(name="x", seconds=1.0), Delay(name="x", seconds=1.0)),
        (Delay(name="x", fn=act), Delay(name="x", fn=act)),
        (Delay(name="x", fn=wrapped(act)), Delay(name="x", fn=wrapped(act))),
        (Delay(name="x", fn=later(1)), Delay(name="y", fn=later(2))),
    ],
)
def test_one_delay_may_be_waited_for_by_several_transitions(one: Delay, other: Delay) -> None:
    transitions = (TransitionSpec(targets=("b",), delay=delay, guards=maybe) for delay in (one, other))
    assert codes(node("a", *transitions), node("b")) == []


# Invokes -------------------------------------------------------------------------------------------------------------

BACKGROUND: dict[str, Any] = {"mode": InvokeMode.BACKGROUND}
PAUSES = "make `backoff` more than 0, `max_backoff` not less, and neither more than 11h"


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"machine": True, "fn": serve}, "starts a machine and has a function too; drop `fn`, or `machine`"),
        ({"src": ""}, "does not say what it starts; name it in `src`"),
        ({"attempts": 0}, "would never be called; give it `attempts` from 1 on and a `timeout` above 0"),
        ({"timeout": 0.0}, "would never be called; give it `attempts` from 1 on and a `timeout` above 0"),
        (
            {"deadline": 60.0, "backoff": 2.0},
            "does not run in the background, and has `backoff` and `deadline`; drop that",
        ),
        ({"machine": True, "max_backoff": 2.0}, "does not run in the background, and has `max_backoff`; drop that"),
        (
            {**BACKGROUND, "timeout": 891.0},
            (
                "may take 891s, and one call has at most 890s; lower its `timeout`, and let what takes longer answer by"
                " a callback"
            ),
        ),
        (
            {**BACKGROUND, "timeout": 60.0, "deadline": 30.0},
            "fails after 30s, before a call of 1m can end; raise `deadline`, or lower `timeout`",
        ),
        (
            {**BACKGROUND, "deadline": 36601 * 86400.0},
            "has a `deadline` of 36601d; a hundred years is the longest, so lower it",
        ),
        (
            {**BACKGROUND, "backoff": 0.0},
            f"waits 0s to 5m between its calls; {PAUSES}",
        ),
        (
            {**BACKGROUND, "backoff": 600.0},
            f"waits 10m to 5m between its calls; {PAUSES}",
        ),
        (
            {**BACKGROUND, "max_backoff": 12 * 3600.0},
            f"waits 1s to 12h between its calls; {PAUSES}",
        ),
    ],
)
def test_an_invoke_that_cannot_be_what_it_says_is_an_error(options: dict[str, Any], mistake: str) -> None:
    invoking = InvokeSpec(**{"id": "i", "src": "s", **options})
    assert say(node("a", invoking, on("error.*"))) == [f"odd-invoke at 'a': the invoke 'i' {mistake}"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"timeout": 890.0},
        {"timeout": 60.0, "deadline": 60.0},
        {"deadline": 36600 * 86400.0},
        {"backoff": 11 * 3600.0, "max_backoff": 11 * 3600.0},
        {"delivery": Delivery.AT_MOST_ONCE, "attempts": 1},
    ],
)
def test_a_service_in_the_background_within_its_limits_is_fine(options: dict[str, Any]) -> None:
    assert codes(node("a", InvokeSpec(id="i", src="s", **BACKGROUND, **options), on("error.*"))) == []


@pytest.mark.parametrize("retention", [-1.0, 36601 * 86400.0])
def test_an_ended_instance_is_kept_for_a_time_that_there_is(retention: float) -> None:
    assert say(node("a"), retention=retention) == [
        f"bad-retention: `retention` lies between zero and a hundred years, and {retention:g} s does not; correct it"
    ]
    assert codes(node("a"), retention=0.0) == codes(node("a"), retention=36600 * 86400.0) == []


def test_services_of_the_host_and_child_machines_are_fine() -> None:
    assert codes(node("a", InvokeSpec(id="i", src="s"), child("c"), on("error.*"), exit=(action("x"),))) == []
