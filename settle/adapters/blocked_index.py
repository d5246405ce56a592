"""Cursors of the list of blocked instances: where a page ended, as text that clients pass on."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

from settle.core.json_text import MALFORMED, from_json, moment, text, to_json
from settle.runtime.errors import CursorInvalidError, NameInvalidError
from settle.runtime.instance import InstanceKey
from settle.runtime.names import check_instance_id

INDEX: Final = "blocked"
"""Name of the index, and of the attribute that only blocked instances have: their machine."""
BLOCKED_SINCE: Final = "since"
"""Name of the attribute that orders them."""
MOMENTS: Final = (1.0, 1e12)
"""Between these lies every moment at which an instance can have been blocked. DynamoDB refuses to compare with numbers
that it cannot hold: more than 38 digits, 1e126 and above, below 1e-130
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list of one machine.

    Attributes:
        since: when the instance there was blocked, in seconds since the epoch.
        group: `machine/instance`.
    """

    since: float
    group: str


def write_cursor(place: Place) -> str:
    """Return the cursor of a page that ended at a place."""
    return urlsafe_b64encode(to_json([place.since, place.group]).encode()).decode().rstrip("=")


def read_cursor(cursor: str, machine: str) -> Place:
    """Return where a page of a machine ended. Raises `CursorInvalidError`."""
    try:
        since, group = from_json(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode())
        place = Place(moment(since), text(group))
        _check_place(place)
    except (*MALFORMED, NameInvalidError) as error:
        raise CursorInvalidError("no page ended with this cursor; take it from the answer before") from error
    if not place.group.startswith(f"{machine}/"):
        raise CursorInvalidError(f"this cursor is not of a list of {machine}")
    return place


def _check_place(place: Place) -> None:
    """Refuse what the stores cannot look up."""
    check_instance_id(InstanceKey.parse(place.group).instance)
    if not MOMENTS[0] <= place.since <= MOMENTS[1]:
        raise ValueError(f"nothing was blocked at {place.since}")
