"""What must be true of every answer, and of the world after it."""

from collections.abc import Iterator
from typing import Final

from tests.fuzz.http.contract import Contract, strict_json
from tests.fuzz.http.leaks import find_leaks
from tests.fuzz.http.world import MANAGER, RECEIPT, Exchange, World

ACCEPTED: Final = frozenset({200, 201, 202})
WRITES: Final = frozenset({"POST", "PUT", "DELETE"})


class FaultError(AssertionError):
    """An answer, or what came of it, is not as it must be."""


class Audit:
    """Looks at exchanges with one world.

    Args:
        world: that they happen in.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.contract = Contract(world.ask("GET", "/openapi.json").answer.json)

    def check(self, exchange: Exchange, *, drain: bool = True) -> None:
        """Look at one exchange, and at what the consumer makes of it.

        Args:
            exchange: that has just happened.
            drain: whether the consumer works now; otherwise what was accepted stays in the queue.

        Raises:
            FaultError: everything that is wrong.
        """
        faults = [*self._of_answer(exchange), *(self._of_world(exchange) if drain else ())]
        if faults:
            told = "\n".join(f"- {fault}" for fault in faults)
            raise FaultError(f"{_show(exchange)}\n{told}")

    def _of_answer(self, exchange: Exchange) -> Iterator[str]:
        answer = exchange.answer
        yield from self.contract.find_faults(exchange.method, exchange.path, answer.status, answer.headers, answer.text)
        yield from find_leaks(answer.text, exchange.event)
        if not self.contract.knows(exchange.path) and answer.status != 404:
            yield f"{answer.status} for a path that there is not"
        operation = self.contract.find_operation(exchange.method, exchange.path)
        if operation is None and self.contract.knows(exchange.path) and answer.status != 405:
            yield f"{answer.status} for a method that there is not"

    def _of_world(self, exchange: Exchange) -> Iterator[str]:
        answer = exchange.answer
        if exchange.method not in WRITES or answer.status not in ACCEPTED:
            if self._world.system.polled.next_ready_at() is not None:
                yield "what was refused left a message in the queue"
            return
        self._world.system.run_all()
        if self._world.system.buried():
            yield "the consumer put a message into the dead-letter queue"
        if self._world.system.polled.next_ready_at() is not None:
            yield "the consumer could not take a message"
        for location in sorted(set(RECEIPT.findall(answer.text))):
            yield from self._of_receipt(location)

    def _of_receipt(self, location: str) -> Iterator[str]:
        found = self._world.ask("GET", location, headers=(), authorizer=MANAGER)
        if found.answer.status == 410:  # finished, and not kept
            return
        if found.answer.status != 200:
            yield f"the receipt of what was accepted answers {found.answer.status}: {found.answer.text}"
        elif strict_json(found.answer.text)["outcome"] == "queued" and not self._may_be_held(location):
            yield "what was accepted stays queued"

    def _may_be_held(self, location: str) -> bool:
        """Whether a receipt cannot say more: one by key is not found among the events that its instance holds."""
        instance, _, receipt = location.partition("/receipts/")
        found = self._world.ask("GET", instance, headers=())
        return receipt.startswith("k") and found.answer.status == 200 and found.answer.json["held"] > 0


def _show(exchange: Exchange) -> str:
    event = exchange.event
    asked = {key: event.get(key) for key in ("rawQueryString", "headers", "body", "isBase64Encoded") if event.get(key)}
    answer = exchange.answer
    text = ascii(asked)
    shown = text if len(text) < 2000 else f"{text[:2000]}... ({len(text)})"
    return f"{exchange.method} {exchange.path[:500]!a} {shown}\n-> {answer.status} {answer.text[:1000]!a}"
