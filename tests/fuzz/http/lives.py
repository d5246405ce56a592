"""Whole lives of an instance: any order of calls, with and without the consumer in between."""

from typing import Any, Final

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from settle.runtime.ledger import LEDGER_RETENTION_SECONDS
from tests.fuzz.http.audit import Audit, FaultError
from tests.fuzz.http.cases import CALLERS, CONDITIONS, GOALS, KEYS, PREFERENCES
from tests.fuzz.http.figures import Figures
from tests.fuzz.http.hostile import show
from tests.fuzz.http.world import MANAGER, RECEIPT, Exchange, World

EVENTS: Final[dict[str, tuple[Any, ...]]] = {
    "desk": (
        {"type": "note.x", "data": {"a": 1}},
        {"type": "SEND", "data": {"parcels": [{"by": "hand"}]}},
        {"type": "SEND", "data": {"parcels": [{"by": "mail"}]}},
        {"type": "FAIL"},
        {"type": "CLOSE"},
        [{"type": "note.x"}, {"type": "FAIL"}, {"type": "note.y"}],
    ),
    "expense": (
        {"type": "SUBMIT", "data": {"amount": 5, "purpose": "tea"}},
        {"type": "APPROVE"},
        {"type": "WITHDRAW"},
    ),
    "signup": (
        {"type": "START", "data": {"email": "ada@example.com"}},
        {"type": "VERIFY", "data": {"token": "wrong"}},
        {"type": "RESEND"},
    ),
    "count": ({"type": "COUNT"}, [{"type": "COUNT"}, {"type": "COUNT"}]),
}
REMEMBERED: Final = LEDGER_RETENTION_SECONDS - 3_600
"""For so long a receipt by key is certainly that of one event."""
FINAL: Final = frozenset({"applied", "ignored", "refused", "denied", "precondition_failed", "gone", "skipped"})


class Lives(RuleBasedStateMachine):
    """One instance. What an answer says once and for all, no later one takes back."""

    world: World
    audit: Audit
    figures: Figures

    def __init__(self) -> None:
        super().__init__()
        self.world.put_back()
        self.machine, self.version, self.deleted = "", 0, False
        self.receipts: dict[str, str] = {}
        self.seen: dict[str, float] = {}

    @initialize(machine=st.sampled_from(sorted(EVENTS)))
    def choose(self, machine: str) -> None:
        self.machine = machine

    # Calls -----------------------------------------------------------------------------------------------------------

    @rule(data=st.data(), drain=st.booleans(), caller=st.sampled_from(CALLERS))
    def post(self, data: st.DataObject, drain: bool, caller: Any) -> None:
        body = data.draw(st.sampled_from(EVENTS[self.machine]))
        headers = {
            b"idempotency-key": data.draw(st.none() | st.sampled_from(KEYS)),
            b"prefer": data.draw(st.none() | st.sampled_from(PREFERENCES)),
            b"if-match": data.draw(st.none() | st.sampled_from(CONDITIONS)),
        }
        self._ask("POST", "/events", body, headers=headers, drain=drain, caller=caller)

    @rule(given=st.sampled_from([{}, {"input": {}}, {"event": {"type": "note.x"}}, {"input": {"name": "x"}}]))
    def create(self, given: Any) -> None:
        self._ask("PUT", "", given)

    @rule(action=st.sampled_from(["pause", "resume", "retry", "skip"]), drain=st.booleans())
    def control(self, action: str, drain: bool) -> None:
        self._ask("POST", f"/{action}", drain=drain)

    @rule(body=st.sampled_from([{"type": "note.x"}, {"data": 1}, {"type": "note.x", "digest": "0" * 32}, {}]))
    def edit(self, body: Any) -> None:
        self._ask("POST", "/edit", body)

    @rule()
    def delete(self) -> None:
        if self._ask("DELETE", "").answer.status == 202:
            self.deleted = True

    @rule(goal=st.sampled_from(GOALS))
    def wait(self, goal: str) -> None:
        self._ask("GET", "/wait", query=f"for={goal}&timeout=1")

    @rule(rest=st.sampled_from(["", "/blocked", "/diagram"]), caller=st.sampled_from(CALLERS))
    def look(self, rest: str, caller: Any) -> None:
        self._ask("GET", rest, caller=caller)

    @rule(seconds=st.sampled_from([1, 3_600, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.world.system.clock.sleep(seconds)
        self.world.system.run_all()

    # What stays true -------------------------------------------------------------------------------------------------

    @invariant()
    def versions_only_grow(self) -> None:
        found = self._ask("GET", "", count=False) if self.machine else None
        if found is not None and found.answer.status == 200:
            version = found.answer.json["version"]
            if version < self.version:
                raise FaultError(f"version {version} after {self.version}")
            self.version = version

    @invariant()
    def outcomes_stay(self) -> None:
        now = self.world.system.clock.now()
        for location, outcome in list(self.receipts.items()):
            if now - self.seen[location] > REMEMBERED:
                del self.receipts[location]  # its key may be used again by now, for another event
                continue
            found = self.world.ask("GET", location, headers=())
            if found.answer.status == 200:
                told = found.answer.json["outcome"]
                if outcome in FINAL and told != outcome and not self.deleted:
                    raise FaultError(f"{location}: {told} after {outcome}")
                self.receipts[location] = told

    def _ask(
        self,
        method: str,
        rest: str,
        body: Any = None,
        *,
        query: str = "",
        headers: dict[bytes, str | None] | None = None,
        drain: bool = True,
        caller: Any = MANAGER,
        count: bool = True,
    ) -> Exchange:
        raw = [(name, value.encode()) for name, value in (headers or {}).items() if value is not None]
        exchange = self.world.ask(
            method,
            f"/machines/{self.machine}/instances/life{rest}",
            query=query,
            headers=((b"content-type", b"application/json"), *raw),
            body=b"" if body is None else show(body),
            authorizer=caller,
        )
        if count:
            self.figures.note(f"life: {method} .../{{instance}}{rest}", exchange.answer.status)
        waiting = self.world.system.polled.next_ready_at() is not None
        self.audit.check(exchange, drain=drain and (method != "GET" or not waiting) and exchange.answer.status < 300)
        for location in RECEIPT.findall(exchange.answer.text):
            if location not in self.receipts:
                self.receipts[location], self.seen[location] = "", self.world.system.clock.now()
        return exchange


def try_lives(
    world: World, audit: Audit, *, examples: int, steps: int, begin: int, figures: Figures, shrink: bool = True
) -> None:
    """Try lives.

    Args:
        world: that they are led in.
        audit: of what it answers.
        examples: how many.
        steps: of each, at most.
        begin: seed.
        figures: that count.
        shrink: whether one that fails is made smaller, which can take minutes.

    Raises:
        FaultError: a call was answered wrongly.
    """
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=tuple(HealthCheck),
        report_multiple_bugs=False,
    )
    bound = seed(begin)(type("BoundLives", (Lives,), {"world": world, "audit": audit, "figures": figures}))
    try:
        run_state_machine_as_test(bound, settings=chosen)
    except FaultError as fault:
        figures.faults.append(str(fault))
        raise
