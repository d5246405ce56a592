"""Data comes in from JSON and goes back to it, checked both ways and never shared."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Json,
    RootModel,
    ValidationError,
    computed_field,
    field_validator,
    model_validator,
)

from settle.core.codec import CodecError, ModelCodec, PlainCodec, field_errors
from settle.core.errors import FieldError

PLAIN = PlainCodec()


def errors_of(codec: Any, method: str, value: Any) -> list[tuple[str, str]]:
    with pytest.raises(CodecError) as caught:
        getattr(codec, method)(value)
    return [(field.path, field.type) for field in caught.value.fields]


# Plain data ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [None, True, 0, 1.5, "", "text", [], {}, {"a": [1, {"b": None}]}, [[[1]]]])
def test_json_data_goes_out_as_it_came_in(data: Any) -> None:
    assert PLAIN.dump(PLAIN.load(data)) == data


def test_loading_and_dumping_copy_all_the_way_down() -> None:
    data: dict[str, Any] = {"a": [1, {"b": 2}]}
    loaded, dumped = PLAIN.load(data), PLAIN.dump(data)
    for copied in (loaded, dumped):
        copied["a"][1]["b"] = "changed"
        copied["a"].append("changed")
    assert data == {"a": [1, {"b": 2}]}


def test_tuples_become_lists() -> None:
    assert PLAIN.dump({"a": (1, (2,))}) == {"a": [1, [2]]}


@pytest.mark.parametrize(
    ("value", "path", "kind"),
    [
        ({1}, "data", "json_type"),
        (b"x", "data", "json_type"),
        (float("nan"), "data", "json_number"),
        (float("-inf"), "data", "json_number"),
        ({1: 2}, "data", "json_key"),
        ({"a": {None: 1}}, "a", "json_key"),
        ({"a": [0, {"b": object()}]}, "a.1.b", "json_type"),
        ([[float("inf")]], "0.0", "json_number"),
    ],
)
def test_what_is_not_json_data_is_named_with_its_place(value: Any, path: str, kind: str) -> None:
    assert errors_of(PLAIN, "dump", value) == [(path, kind)]


def test_data_that_contains_itself_cannot_be_dumped() -> None:
    data: dict[str, Any] = {}
    data["self"] = data
    assert errors_of(PLAIN, "dump", data) == [("data", "recursion")]


def test_plain_data_has_the_schema_of_anything() -> None:
    assert PLAIN.schema == {}


# Models --------------------------------------------------------------------------------------------------------------


class Line(BaseModel):
    sku: str
    count: int = 1


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    lines: list[Line] = Field(default_factory=list)
    price: Decimal = Decimal(0)
    placed: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    tags: set[str] = Field(default_factory=set)
    raw: Json[dict[str, int]] = Field(default_factory=dict)
    anything: Any = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        return len(self.lines)


ORDER = ModelCodec(Order)


def test_a_model_goes_out_as_json_data_and_comes_back_equal() -> None:
    order = Order(lines=[Line(sku="a")], price=Decimal("1.50"), tags={"x"}, raw='{"n": 1}')
    data = ORDER.dump(order)
    assert data == {
        "lines": [{"sku": "a", "count": 1}],
        "price": "1.50",
        "placed": "2026-01-01T00:00:00Z",
        "tags": ["x"],
        "raw": '{"n":1}',
        "anything": None,
    }
    assert PLAIN.dump(data) == data
    assert ORDER.load(data) == order


def test_computed_fields_are_left_out_because_no_model_takes_them_back() -> None:
    assert "size" not in ORDER.dump(Order())


def test_a_loaded_model_shares_nothing_with_the_data() -> None:
    data = {"anything": {"list": [1]}, "tags": []}
    loaded = ORDER.load(data)
    assert isinstance(loaded, Order)
    loaded.anything["list"].append(2)
    assert data == {"anything": {"list": [1]}, "tags": []}


def test_every_field_that_does_not_fit_is_named() -> None:
    data = {"lines": [{"sku": 1}, {}], "unknown": 1}
    assert errors_of(ORDER, "load", data) == [
        ("lines.0.sku", "string_type"),
        ("lines.1.sku", "missing"),
        ("unknown", "extra_forbidden"),
    ]


def test_an_assignment_that_does_not_fit_is_found_when_it_is_dumped() -> None:
    order = Order()
    order.price = "much"  # type: ignore[assignment]
    assert errors_of(ORDER, "dump", order) == [("price", "decimal_parsing")]


@pytest.mark.parametrize("value", [object(), [object()]])
def test_what_pydantic_cannot_write_as_json_is_an_error_of_the_data(value: Any) -> None:
    with pytest.raises(CodecError, match="PydanticSerializationError"):
        ORDER.dump(Order(anything=value))


def test_a_number_that_json_does_not_have_cannot_be_dumped() -> None:
    class Share(BaseModel):
        share: float

    assert errors_of(ModelCodec(Share), "dump", Share(share=float("nan"))) == [("share", "json_number")]


def test_another_object_in_the_place_of_the_model_cannot_be_dumped() -> None:
    assert errors_of(ORDER, "dump", {"lines": []}) == [("data", "model_type")]


def test_an_error_of_the_whole_model_is_about_the_data() -> None:
    class Pair(BaseModel):
        low: int
        high: int

        @model_validator(mode="after")
        def check(self) -> "Pair":
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    codec = ModelCodec(Pair)
    assert errors_of(codec, "load", {"low": 2, "high": 1}) == [("data", "value_error")]
    assert codec.dump(codec.load({"low": 1, "high": 1})) == {"low": 1, "high": 1}


def test_a_validator_that_changes_what_it_is_given_changes_nothing_that_is_stored() -> None:
    class Older(BaseModel):
        n: int = 0

        @model_validator(mode="before")
        @classmethod
        def mend(cls, data: Any) -> Any:
            return {"n": data.pop("n", 0)}

    codec, data = ModelCodec(Older), {"n": 1}
    assert codec.dump(codec.load(data)) == data == {"n": 1}


def test_a_validator_that_breaks_is_an_error_of_the_data() -> None:
    class Broken(BaseModel):
        n: int

        @field_validator("n")
        @classmethod
        def check(cls, value: int) -> int:
            return 1 // value

    with pytest.raises(CodecError, match="data: ZeroDivisionError: integer division"):
        ModelCodec(Broken).load({"n": 0})


def test_a_model_may_be_a_list() -> None:
    codec = ModelCodec(RootModel[list[int]])
    assert codec.dump(codec.load(["1"])) == [1]


def test_a_model_tells_its_schema() -> None:
    assert ModelCodec(Line).schema == Line.model_json_schema()


# Errors --------------------------------------------------------------------------------------------------------------


def test_an_error_reads_as_a_list_of_fields() -> None:
    error = CodecError([FieldError("a.b", "is missing", "missing"), FieldError("c", "is odd", "odd")])
    assert str(error) == "a.b: is missing; c: is odd"


def test_field_paths_may_get_a_prefix() -> None:
    with pytest.raises(ValidationError) as caught:
        Line.model_validate({"sku": 1})
    assert [field.path for field in field_errors(caught.value)] == ["sku"]
    assert [field.path for field in field_errors(caught.value, "body.data")] == ["body.data.sku"]


def test_data_that_is_nested_too_deeply_is_no_data() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    for codec in (PlainCodec(), ModelCodec(Deep)):
        with pytest.raises(CodecError, match="nested too deeply"):
            codec.load({"any": deep})


class Deep(BaseModel):
    any: Any = None


def test_a_model_with_aliases_is_read_and_written_by_them() -> None:
    class Aliased(BaseModel):
        order_id: str = Field(alias="orderId")

    codec = ModelCodec(Aliased)
    assert codec.dump(codec.load({"orderId": "o-1"})) == {"orderId": "o-1"}
