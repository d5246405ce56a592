"""How data comes in from JSON and goes back: plain data as it is, models through pydantic."""

from types import NoneType
from typing import Any, Final, Protocol

from pydantic import BaseModel, ValidationError

from settle.core.errors import FieldError
from settle.core.short_text import SENTENCE, shorten

MAX_COMPLAINTS: Final = 20
"""Fields that are told of in full: a small body can have a hundred thousand that do not fit."""
BROKEN_MODEL: Final = "broken_model"
"""Type of the complaint about a model whose own code failed; its message says how."""


class CodecError(Exception):
    """Data does not fit. Callers turn it into the typed error of their own subject."""

    def __init__(self, fields: list[FieldError]) -> None:
        self.fields = fields
        super().__init__("; ".join(f"{field.path}: {field.message}" for field in fields))


class Codec(Protocol):
    """Loads JSON data for user code and dumps it for storage."""

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the data."""

    def load(self, data: Any) -> Any:  # noqa: ANN401 - any JSON data in, any object out
        """Return what user code sees; it may be changed freely. Raises `CodecError`."""

    def dump(self, value: Any) -> Any:  # noqa: ANN401
        """Return JSON data that `load` takes back. Raises `CodecError` when it would not."""


# Both run in every step; looking at the type of an item before calling for it saves most of their time.
_ATOMS = frozenset({str, int, bool, type(None)})
_TOO_DEEP = FieldError("data", "it contains itself, or is nested too deeply", "recursion")


def _copy(data: Any) -> Any:  # noqa: ANN401 - any JSON data
    if isinstance(data, dict):
        return {key: value if type(value) in _ATOMS else _copy(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [value if type(value) in _ATOMS else _copy(value) for value in data]
    return data


def _copied(data: Any) -> Any:  # noqa: ANN401 - any JSON data
    try:
        return _copy(data)
    except RecursionError as error:
        raise CodecError([_TOO_DEEP]) from error


def _checked_copy(data: Any) -> Any:  # noqa: ANN401 - any value at all
    """Return a copy. Raises `_NotJsonError` at the first thing that is not JSON data."""
    if isinstance(data, dict):
        copy = {}
        for key, value in data.items():
            if type(key) is not str and not isinstance(key, str):
                raise _NotJsonError(f"the key {key!r} is not text", "json_key")
            copy[key] = value if type(value) in _ATOMS else _checked_item(value, key)
        return copy
    if isinstance(data, (list, tuple)):
        return [value if type(value) in _ATOMS else _checked_item(value, place) for place, value in enumerate(data)]
    if isinstance(data, float):
        if data != data or data in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN
            raise _NotJsonError(f"{data} is not JSON data", "json_number")
    elif not isinstance(data, (str, int, NoneType)):
        raise _NotJsonError(f"{type(data).__name__} is not JSON data", "json_type")
    return data


def _checked_item(value: Any, place: object) -> Any:  # noqa: ANN401 - any value at all
    try:
        return _checked_copy(value)
    except _NotJsonError as error:
        error.path.insert(0, str(place))
        raise


class _NotJsonError(Exception):
    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.message, self.kind, self.path = message, kind, list[str]()


def _checked(value: Any) -> Any:  # noqa: ANN401 - any value at all
    """Return a copy after checking that it is JSON data. Raises `CodecError`."""
    try:
        return _checked_copy(value)
    except _NotJsonError as error:
        raise CodecError([FieldError(".".join(error.path) or "data", error.message, error.kind)]) from error
    except RecursionError as error:
        raise CodecError([_TOO_DEEP]) from error


class PlainCodec:
    """JSON data as dicts and lists. Loading copies, so that user code cannot change what is stored."""

    schema: dict[str, Any] = {}  # noqa: RUF012 - an empty schema allows everything, and nobody adds to it

    def load(self, data: Any) -> Any:  # noqa: ANN401
        """Return a copy."""
        return _copied(data)

    def dump(self, value: Any) -> Any:  # noqa: ANN401
        """Return a copy after checking that it is JSON data."""
        return _checked(value)


class ModelCodec:
    """A pydantic model."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the model."""
        return self.model.model_json_schema()

    def load(self, data: Any) -> BaseModel:  # noqa: ANN401
        """Validate into a new instance of the model, from a copy: fields of type `Any` keep what they are given."""
        return self._validate(_copied(data))

    def _validate(self, data: Any) -> BaseModel:  # noqa: ANN401 - any JSON data
        try:
            # What model_validate calls, without a third of the time that takes.
            loaded: BaseModel = self.model.__pydantic_validator__.validate_python(data)
        except ValidationError as error:
            raise CodecError(field_errors(error)) from error
        except Exception as error:  # from the model's own validators
            raise CodecError([_broken(error)]) from error
        return loaded

    def dump(self, value: Any) -> Any:  # noqa: ANN401
        """Dump as JSON data, and validate it again: an assignment may have put in what the model does not allow."""
        if not isinstance(value, self.model):
            found = type(value).__name__
            raise CodecError([FieldError("data", f"expected {self.model.__name__}, found {found}", "model_type")])
        try:
            data = value.model_dump(mode="json", by_alias=True, warnings=False, round_trip=True)
        except Exception as error:  # pydantic's, and whatever the model's own serializers raise
            raise CodecError([_broken(error)]) from error
        checked = _checked(data)
        self._validate(data)
        return checked


def _broken(error: Exception) -> FieldError:
    return FieldError("data", f"{type(error).__name__}: {error}", BROKEN_MODEL)


def field_errors(error: ValidationError, prefix: str = "") -> list[FieldError]:
    """Return one entry per field that pydantic complains about, without the offending values.

    Beyond `MAX_COMPLAINTS` one entry more says how many there are. Names and messages are cut where they repeat what
    somebody sent.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [
        FieldError(
            path=shorten(".".join([*([prefix] if prefix else []), *(str(part) for part in detail["loc"])])) or "data",
            message=shorten(detail["msg"], SENTENCE),
            type=detail["type"],
        )
        for detail in found[:MAX_COMPLAINTS]
    ]
    return [*told, *left_out(len(found), prefix or "data")]


def left_out(count: int, path: str) -> list[FieldError]:
    """Return the entry that stands for the complaints beyond `MAX_COMPLAINTS`, if there are any."""
    more = count - MAX_COMPLAINTS
    return [FieldError(path, f"{more} more complaints", "more")] if more > 0 else []
