"""Arguments: what a test says, as data that a request carries; and a sentence for what cannot be said."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from settle.core.delay import parse_duration
from settle.core.permission import NOBODY, Principal
from settle.runtime.errors import NameInvalidError
from settle.runtime.names import check_instance_id, check_machine_name
from settle.testing.errors import HIDDEN, TrialError

__tracebackhide__ = HIDDEN


def read_json(value: object, what: str) -> Any:  # noqa: ANN401 - JSON data
    """Return a value as JSON data; models, dates and the like may stand anywhere in it.

    Raises:
        TrialError: it cannot be said in JSON.
    """
    try:
        return to_jsonable_python(value, by_alias=True)
    except (PydanticSerializationError, ValueError) as error:
        raise TrialError(f"{what} cannot be said in JSON: {error}") from None


def read_object(value: object, what: str) -> dict[str, Any]:
    """Return a mapping or a model as a JSON object; nothing is an empty one.

    Raises:
        TrialError: it is neither.
    """
    if value is None:
        return {}
    if not isinstance(value, (Mapping, BaseModel)):
        raise TrialError(f"{what} has names: give a dict or a model, not {value!r}")
    read: dict[str, Any] = read_json(value, what)
    return read


def read_who(name: str, claims: Mapping[str, Any] | None) -> Principal:
    """Return who somebody is.

    Raises:
        TrialError: nobody can be called so, or API Gateway would hand such claims to nobody.
    """
    if not isinstance(name, str):
        raise TrialError(f"a principal is a name, and not {name!r}; what else is known of them goes into claims={{}}")
    said = read_object(claims, "a set of claims")
    for claim, value in said.items():
        if not isinstance(value, str):
            raise TrialError(f"API Gateway hands over each claim as text, and {claim!r} is {value!r}; say what it says")
    return Principal(name=name, claims=said) if name or said else NOBODY


def read_type(event_type: str) -> str:
    """Return the type of an event.

    Raises:
        TrialError: it is none.
    """
    if not isinstance(event_type, str):
        raise TrialError(f"an event is sent by its type and its data, send('GO', {{...}}), not as {event_type!r}")
    return event_type


def read_origin(origin: str) -> str:
    """Return the name of the instance that sends a message.

    Raises:
        TrialError: it is none.
    """
    try:
        machine, slash, instance = origin.partition("/")
        if slash:
            check_machine_name(machine)
            check_instance_id(instance)
    except (AttributeError, NameInvalidError):
        slash = ""
    if origin and not slash:
        raise TrialError(f"an instance is named `machine/instance`, and not as {origin!r}")
    return origin


def read_version(if_match: int | str | None) -> int | None:
    """Return a version that is expected, which HTTP says as text.

    Raises:
        TrialError: it is no number.
    """
    if if_match is None or (isinstance(if_match, int) and not isinstance(if_match, bool)):
        return if_match
    try:
        return int(str(if_match).strip('"'))
    except ValueError:
        raise TrialError(f"if_match= is a version, such as 3, and not {if_match!r}") from None


def read_wait(duration: object, now: float) -> float:
    """Return how many seconds pass: a duration, or the time until a moment.

    Raises:
        TrialError: it is none, or lies behind us.
    """
    if isinstance(duration, datetime):
        until = read_moment(duration)
        if until < now:
            raise TrialError(f"time does not go back: {duration.isoformat()} is {now - until:g} seconds ago")
        return until - now
    try:
        return parse_duration(duration)
    except ValueError:
        if _is_negative(duration):
            raise TrialError(f"time does not go back, so not by {duration!r}") from None
        raise TrialError(
            "time passes by seconds, a timedelta, text like '24h' or 'PT24H', for at most a hundred years, or until a"
            f" datetime with a time zone; not by {duration!r}"
        ) from None


def _is_negative(duration: object) -> bool:
    match duration:
        case str():
            return duration.strip().startswith("-")
        case timedelta():
            return duration < timedelta()
        case int() | float():
            return duration < 0
        case _:
            return False


def read_moment(moment: object) -> float:
    """Return a moment in seconds since the epoch.

    Raises:
        TrialError: it is none.
    """
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return moment.timestamp()
    if isinstance(moment, (int, float)) and not isinstance(moment, bool):
        return float(moment)
    raise TrialError(f"a moment is seconds since the epoch, or a datetime with a time zone, and not {moment!r}")
