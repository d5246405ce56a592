"""`settle blocked`, `retry`, `skip` and `edit`: the events that block instances, over the HTTP API."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from settle.cli.api_client import ApiClient, ApiRefusedError
from settle.runtime.receipt import Outcome

PAGE: Final = 100
WAIT_SECONDS: Final = 10
"""How long the API is asked to wait for a receipt."""
LOOKS: Final = 20
LOOK_SECONDS: Final = 0.5
"""How often, and how far apart, the receipt of an event is looked at that is tried again."""
NOT_BLOCKED: Final = "not_blocked"
FINISHED: Final = "finished"
"""What became of an event whose receipt is not kept any more."""
FAILED: Final = "failed"
"""What is said of an event that could not be tried again."""
DONE: Final = frozenset({NOT_BLOCKED, FINISHED, *(outcome.value for outcome in Outcome if outcome.final)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which blocked instances are meant.

    Attributes:
        machines: of which; none for all.
        code: of the error; empty for any.
        type: of the event; empty for any.
        limit: most of them; None for all.
    """

    machines: tuple[str, ...] = ()
    code: str = ""
    type: str = ""
    limit: int | None = None

    def means(self, document: dict[str, Any]) -> bool:
        """Whether an instance is among them."""
        blocked = document["blocked"]
        return self.code in {"", blocked["code"]} and self.type in {"", blocked["type"]}


@dataclass(slots=True)
class Tally:
    """What became of the events that were tried again."""

    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        """Whether nothing is left for somebody to look at."""
        return set(self.outcomes) <= DONE

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        return f"{self.outcomes.total()} tried again" + (f": {counts}" if counts else "")


def find_blocked(api: ApiClient, selection: Selection) -> Iterator[dict[str, Any]]:
    """Yield the blocked instances of a selection, each once, the longest blocked of each machine first."""
    machines = selection.machines or tuple(each["machine"] for each in api.get("/machines")["machines"])
    seen: set[str] = set()
    for machine in machines:
        for document in _pages(api, machine):
            # One that blocks again while this goes on comes again at the end.
            if document["location"] in seen or not selection.means(document):
                continue
            if selection.limit is not None and len(seen) >= selection.limit:
                return
            seen.add(document["location"])
            yield document


def _pages(api: ApiClient, machine: str) -> Iterator[dict[str, Any]]:
    cursor = ""
    while True:
        after = f"cursor={quote(cursor)}&" if cursor else ""
        page = api.get(f"/machines/{quote(machine)}/instances?{after}limit={PAGE}&status=blocked")
        yield from page["instances"]
        cursor = page.get("cursor", "")
        if not cursor:
            return


def show_blocked(api: ApiClient, selection: Selection) -> int:
    """Print what blocks which instances; return 1 when there are some, else 0."""
    count = 0
    for document in find_blocked(api, selection):
        count += 1
        blocked = document["blocked"]
        print(
            f"{_name(document)}  {blocked['type']}  {blocked['code']}  since {blocked['at']}  {document['held']} held"
        )
        if "message" in blocked:
            print(f"    {blocked['message']}")
    print(f"{count} blocked")
    return 1 if count else 0


def show_one(api: ApiClient, name: str) -> int:
    """Print everything about the event that blocks one instance."""
    print(json.dumps(api.get(f"{path_of(name)}/blocked"), indent=2, ensure_ascii=False))
    return 0


# Retrying ------------------------------------------------------------------------------------------------------------


def retry_all(api: ApiClient, selection: Selection, rate: float) -> int:
    """Try the events of a selection again, at most so many a second; print what becomes of each, and of all.

    Safe to stop and to run again: what is not blocked any more is left alone.
    """
    tally = Tally()
    try:
        for number, document in enumerate(find_blocked(api, selection)):
            if number:
                api.sleep(1 / rate)
            _retry(api, _name(document), document["location"], document["blocked"]["receipt"], tally)
    finally:
        print(tally)
    return 0 if tally.clean else 1


def retry_one(api: ApiClient, name: str) -> int:
    """Try the event that blocks one instance again."""
    tally = Tally()
    document = api.get(path_of(name))
    receipt = document["blocked"]["receipt"] if document.get("blocked") else ""
    _retry(api, name, path_of(name), receipt, tally)
    return 0 if tally.clean else 1


def _retry(api: ApiClient, name: str, path: str, receipt: str, tally: Tally) -> None:
    try:
        answer = api.post(f"{path}/retry", wait=WAIT_SECONDS)
        outcome, note = _after(api, answer, receipt)
    except ApiRefusedError as error:
        outcome, note = (NOT_BLOCKED, "") if error.code == NOT_BLOCKED else (FAILED, str(error))
    tally.outcomes[outcome] += 1
    print(f"{name}  {outcome}" + (f"  {note}" if note else ""))


def _after(api: ApiClient, answer: dict[str, Any], receipt: str) -> tuple[str, str]:
    """Return what became of an event whose instance was asked to try it again, and what else there is to say."""
    outcome, code = answer["outcome"], answer.get("code", "")
    if code == NOT_BLOCKED:
        return NOT_BLOCKED, ""
    if outcome != Outcome.APPLIED:
        return FAILED, f"the wish to try it again is {outcome} {code}".rstrip()
    if not receipt:
        return FINISHED, ""
    view = _wait(api, receipt)
    return view["outcome"], view.get("code", "")


def _wait(api: ApiClient, receipt: str) -> dict[str, Any]:
    view: dict[str, Any] = {"outcome": "held"}
    for look in range(LOOKS):
        if look:
            api.sleep(LOOK_SECONDS)
        try:
            view = api.get(receipt)
        except ApiRefusedError as error:
            if error.code == "receipt_expired":
                return {"outcome": FINISHED}
            raise
        if view["outcome"] in {*DONE, Outcome.QUARANTINED}:
            break
    return view


# Skipping and editing ------------------------------------------------------------------------------------------------


def skip(api: ApiClient, name: str) -> int:
    """Give the event up that blocks one instance."""
    path = path_of(name)
    blocked = api.get(path).get("blocked")
    if blocked is None:
        print(f"{name}  {NOT_BLOCKED}")
        return 1
    return _tell(name, api.post(f"{path}/skip", {"event_id": blocked["event_id"]}, wait=WAIT_SECONDS))


def edit(api: ApiClient, name: str, changes: dict[str, Any]) -> int:
    """Change the event that blocks one instance, and try it again."""
    path = path_of(name)
    found = api.get(f"{path}/blocked")
    seen = {"event_id": found["event"]["id"], "digest": found["event"]["digest"]}
    answer = api.post(f"{path}/edit", {**changes, **seen}, wait=WAIT_SECONDS)
    if answer["outcome"] != Outcome.APPLIED:
        return _tell(name, answer)
    view = _wait(api, found["blocked"]["receipt"])
    _tell(name, view)
    return 0 if view["outcome"] in DONE else 1


def _tell(name: str, receipt: dict[str, Any]) -> int:
    """Print a receipt; return 1 unless what it is about was done."""
    code = receipt.get("code", "")
    print(f"{name}  {receipt['outcome']}" + (f"  {code}" if code else ""))
    return 0 if receipt["outcome"] == Outcome.APPLIED else 1


def path_of(name: str) -> str:
    """Return the path of an instance that is called `machine/instance`.

    Raises:
        ValueError: it is called otherwise.
    """
    machine, separator, instance = name.partition("/")
    if not separator or not machine or not instance:
        raise ValueError(f"{name!r} is no instance; write machine/instance")
    return f"/machines/{quote(machine)}/instances/{quote(instance, safe='.:@-_')}"


def _name(document: dict[str, Any]) -> str:
    return f"{document['machine']}/{document['instance']}"
