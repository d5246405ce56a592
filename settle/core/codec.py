"""How data comes in from JSON and goes back: plain data as it is, models through pydantic."""

from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from settle.core.errors import FieldError


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
_SCALARS = (str, int, float, bool, type(None))


def _copy(data: Any) -> Any:  # noqa: ANN401 - any JSON data
    if isinstance(data, dict):
        return {key: value if type(value) in _ATOMS else _copy(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [value if type(value) in _ATOMS else _copy(value) for value in data]
    return data


def _check_json(data: Any, path: str) -> None:  # noqa: ANN401 - any value at all
    if isinstance(data, dict):
        for key, value in data.items():
            if not isinstance(key, str):
                raise CodecError([FieldError(path or "data", f"the key {key!r} is not text", "json_key")])
            if type(value) not in _ATOMS:
                _check_json(value, f"{path}.{key}" if path else key)
    elif isinstance(data, (list, tuple)):
        for index, value in enumerate(data):
            if type(value) not in _ATOMS:
                _check_json(value, f"{path}.{index}" if path else str(index))
    elif not isinstance(data, _SCALARS):
        raise CodecError([FieldError(path or "data", f"{type(data).__name__} is not JSON data", "json_type")])
    elif isinstance(data, float) and (data != data or data in {float("inf"), float("-inf")}):  # noqa: PLR0124 - NaN
        raise CodecError([FieldError(path or "data", f"{data} is not JSON data", "json_number")])


class PlainCodec:
    """JSON data as dicts and lists. Loading copies, so that user code cannot change what is stored."""

    schema: dict[str, Any] = {}  # noqa: RUF012 - an empty schema allows everything, and nobody adds to it

    def load(self, data: Any) -> Any:  # noqa: ANN401
        """Return a copy."""
        return _copy(data)

    def dump(self, value: Any) -> Any:  # noqa: ANN401
        """Return a copy after checking that it is JSON data."""
        try:
            _check_json(value, "")
        except RecursionError as error:
            raise CodecError(
                [FieldError("data", "it contains itself, or is nested too deeply", "recursion")]
            ) from error
        return _copy(value)


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
        try:
            return self.model.model_validate(_copy(data))
        except ValidationError as error:
            raise CodecError(field_errors(error)) from error
        except Exception as error:  # from the model's own validators
            raise CodecError([_broken(error)]) from error

    def dump(self, value: Any) -> Any:  # noqa: ANN401
        """Dump as JSON data, and validate it again: an assignment may have put in what the model does not allow."""
        if not isinstance(value, self.model):
            found = type(value).__name__
            raise CodecError([FieldError("data", f"expected {self.model.__name__}, found {found}", "model_type")])
        try:
            data = value.model_dump(mode="json", warnings=False, round_trip=True)
        except Exception as error:  # pydantic's, and whatever the model's own serializers raise
            raise CodecError([_broken(error)]) from error
        _check_json(data, "")
        self.load(data)
        return data


def _broken(error: Exception) -> FieldError:
    return FieldError("data", f"{type(error).__name__}: {error}", "broken_model")


def field_errors(error: ValidationError, prefix: str = "") -> list[FieldError]:
    """Return one entry per field that pydantic complains about, without the offending values."""
    return [
        FieldError(
            path=".".join([*([prefix] if prefix else []), *(str(part) for part in detail["loc"])]) or "data",
            message=detail["msg"],
            type=detail["type"],
        )
        for detail in error.errors(include_url=False, include_context=False, include_input=False)
    ]
