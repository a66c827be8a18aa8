"""Kinds of values that several parts of a scenario share: names, titles, conditions, cases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StrictStr,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema

Value = TypeVar("Value")
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Weight = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Outcome = bool | str

_NAME = re.compile(r"[a-z][a-z0-9_]*$")


class Strict(BaseModel):
    """A frozen part of a scenario that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.match(value):
        raise ValueError("expected a name of lower-case letters, digits and underscores, such as khorgos_road_scanner")
    return value


def _names(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    names = tuple(_name(item) for item in items)
    if len(set(names)) < len(names):
        raise ValueError("expected each name once")
    return names


def _amounts(value: object) -> dict[str, int]:
    if isinstance(value, Mapping):
        for amount in value.values():
            if isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
                raise ValueError("expected a whole number of at least 1 behind each name")
        return {_name(key): amount for key, amount in value.items()}
    return dict.fromkeys(_names(value), 1)


def _conditions(value: object) -> dict[str, tuple[Outcome, ...]]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError("expected conditions such as {channel: [yellow, red]} or {aeo: true}")
    conditions: dict[str, tuple[Outcome, ...]] = {}
    for variable, wanted in value.items():
        outcomes = wanted if isinstance(wanted, list | tuple) else [wanted]
        if not outcomes or not all(isinstance(outcome, bool | str) for outcome in outcomes):
            raise ValueError(
                f"expected an outcome or a list of outcomes for {variable}, such as red, [yellow, red] or true"
            )
        conditions[_name(variable)] = tuple(outcomes)
    return conditions


def shares_sum_to_one(shares: Mapping[str, float]) -> None:
    """Refuse a table of shares that leaves somebody out or counts somebody twice."""
    total = sum(shares.values())
    if abs(total - 1) > 1e-9:
        raise ValueError(f"expected shares that sum to 100%, found {total * 100:.10g}%")


_NAME_SCHEMA = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
_OUTCOME_SCHEMA = {"type": ["string", "boolean"]}

Name = Annotated[str, BeforeValidator(_name), WithJsonSchema(_NAME_SCHEMA)]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_names),
    WithJsonSchema({"anyOf": [_NAME_SCHEMA, {"type": "array", "items": _NAME_SCHEMA, "uniqueItems": True}]}),
]
Amounts = Annotated[
    dict[str, int],
    BeforeValidator(_amounts),
    WithJsonSchema(
        {
            "anyOf": [
                _NAME_SCHEMA,
                {"type": "array", "items": _NAME_SCHEMA},
                {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
            ]
        }
    ),
]
Conditions = Annotated[
    dict[str, tuple[Any, ...]],
    BeforeValidator(_conditions),
    WithJsonSchema(
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [_OUTCOME_SCHEMA, {"type": "array", "items": _OUTCOME_SCHEMA}]},
        }
    ),
]


class Text(Strict):
    """Words for people, in English and Chinese; one text serves for both."""

    en: StrictStr
    """In English."""
    zh: StrictStr
    """In Chinese."""

    @model_validator(mode="before")
    @classmethod
    def _one_text(cls, value: object) -> object:
        if isinstance(value, str):
            return {"en": value, "zh": value}
        if isinstance(value, Mapping) and len(value) == 1 and set(value) <= {"en", "zh"}:
            text = next(iter(value.values()))
            return {"en": text, "zh": text}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Tell editors that a plain text, or one language, will do."""
        both = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [{"type": "string"}, {**both, "required": [], "minProperties": 1}]}

    def in_language(self, language: str) -> str:
        """The text in a language, `en` or `zh`."""
        return self.zh if language == "zh" else self.en


class Case(Strict, Generic[Value]):
    """One case of a value that depends on the entity."""

    only: Conditions | None = None
    """The case holds for entities with these attributes or drawn outcomes; the last case has no condition."""
    use: Value
    """The value in this case."""


class Cases(Strict, Generic[Value]):
    """A value that may depend on the entity: the first case that holds. A plain value is one case without condition."""

    cases: tuple[Case[Value], ...]
    """Tried from the first to the last."""

    @model_validator(mode="before")
    @classmethod
    def _plain_value(cls, value: object) -> object:
        if isinstance(value, Mapping) and "cases" in value:
            return value
        return {"cases": [{"use": value}]}

    @model_validator(mode="after")
    def _complete(self) -> Cases[Value]:
        if not self.cases:
            raise ValueError("expected at least one case")
        if any(case.only is None for case in self.cases[:-1]):
            raise ValueError("expected only the last case to be without `only`: no case behind it can ever hold")
        if self.cases[-1].only is not None:
            raise ValueError("expected the last case to be without `only`, so that every entity finds a case")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Tell editors that a plain value will do."""
        cases = handler.resolve_ref_schema(handler(schema))
        item = handler.resolve_ref_schema(cases["properties"]["cases"]["items"])
        return {"anyOf": [item["properties"]["use"], cases]}
