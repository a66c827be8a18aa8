"""The JSON Schema of a scenario, with the docstrings of the fields as descriptions."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from sim.scenario.scenario import Definition


def json_schema(model: type[BaseModel] = Definition) -> dict[str, Any]:
    """The schema that editors complete and check scenario files with, or that of a part of one."""
    return model.model_json_schema(by_alias=True, schema_generator=_Described)


class _Described(GenerateJsonSchema):
    """Reads docstrings when a schema is made: Pydantic reads them whenever a program starts, which takes its time."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        model = schema["cls"]
        texts = {name: text for each in reversed(model.__mro__) for name, text in _docstrings(each).items()}
        for name, field in model.model_fields.items():
            if name in texts:
                found["properties"][field.alias or name].setdefault("description", texts[name])
        return found


def _docstrings(model: type) -> dict[str, str]:
    """The string that stands behind each field of a class."""
    body = _classes(model.__module__).get(model.__name__.partition("[")[0], [])
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


@cache
def _classes(module: str) -> dict[str, list[ast.stmt]]:
    """The bodies of all classes of a module of this program."""
    if not module.startswith("sim."):
        return {}
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}
