"""Node trees to typed values; what pydantic finds wrong becomes sentences with a place."""

from __future__ import annotations

import types
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails

from sim.errors import InputError, Problem
from sim.scenario.addresses import LIKENESS, suggestion
from sim.scenario.document import FULL_WIDTH, Key, Node, Trail, dotted, in_ascii
from sim.scenario.rendering import text_of

Model = TypeVar("Model", bound=BaseModel)

_SENTENCES = {
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "int_parsing": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "string_type": "expected text",
    "bool_type": "expected true or false",
    "dict_type": "expected a mapping of keys to values",
    "model_type": "expected a mapping of keys to values",
    "model_attributes_type": "expected a mapping of keys to values",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than_equal": "expected at most {le}",
    "literal_error": "expected {expected}",
    "too_short": "expected at least {min_length} entries",
    "too_long": "expected at most {max_length} entries",
    "string_too_short": "expected a text that is not empty",
    "finite_number": "expected a finite number",
}


def validated(model: type[Model], node: Node, trail: Trail = ()) -> Model:
    """Check a tree against a model.

    Args:
        model: The pydantic model.
        node: The tree.
        trail: Where the tree stands in its document, for messages.

    Raises:
        InputError: With every problem.
    """
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        problems: dict[tuple[str, str], Problem] = {}
        findings = error.errors(include_url=False)
        for details in findings:
            if details["type"] == "too_short" and any(_below_it(details, other) for other in findings):
                continue  # pydantic does not count entries that are wrong
            if details["type"] == "missing" and any(_misspelt(details, other) for other in findings):
                continue  # one slip, one message: the unknown key beside it says what was meant
            problem = _problem(model, node, trail, details)
            problems.setdefault((problem.path, str(problem.place)), problem)
        raise InputError(
            sorted(problems.values(), key=lambda problem: (problem.place is None, problem.place))
        ) from None


def _below_it(details: ErrorDetails, other: ErrorDetails) -> bool:
    length = len(details["loc"])
    return len(other["loc"]) > length and other["loc"][:length] == details["loc"]


def _misspelt(missing: ErrorDetails, other: ErrorDetails) -> bool:
    """Whether an unknown key beside a missing one is that key misspelt."""
    (*above, wanted), unknown = missing["loc"], other["loc"]
    beside = other["type"] == "extra_forbidden" and list(unknown[:-1]) == above
    return beside and bool(get_close_matches(str(unknown[-1]), [str(wanted)], n=1, cutoff=LIKENESS))


def _problem(model: type[BaseModel], root: Node, trail: Trail, details: ErrorDetails) -> Problem:
    """One finding of pydantic as a problem at the deepest node that its location names."""
    node, path = root, list(trail)
    location = details["loc"]
    for key in location:
        child = node.child(key)
        if child is not None:
            node = child
            path.append(key)
    kind = details["type"]
    if location and location[-1] == "[key]":
        name = Node(str(path[-1]), node.place)
        return Problem(node.key_place or node.place, dotted(tuple(path)), _sentence(details, name))
    if kind == "extra_forbidden":
        place = node.key_place or node.place
        return Problem(
            place, dotted(tuple(path)), "unknown key" + suggestion(str(path[-1]), _known_keys(model, location[:-1]))
        )
    if kind == "missing":
        return Problem(node.place, dotted((*path, location[-1])), "this key is required and missing")
    return Problem(node.place, dotted(tuple(path)), _sentence(details, node))


def _sentence(details: ErrorDetails, node: Node) -> str:
    """What was wanted and what was found."""
    kind, context = details["type"], details.get("ctx", {})
    if kind in ("value_error", "assertion_error"):
        sentence = str(context.get("error", details["msg"]))
    else:
        sentence = _SENTENCES.get(kind, details["msg"]).format_map(
            {key: _shown(value) for key, value in context.items()}
        )
    found = _shown(node.plain())
    if "found" not in sentence:
        sentence += f", found {found}"
    if (wide := FULL_WIDTH.search(found)) is not None:
        sentence += f'; the full-width "{wide[0]}" is not {in_ascii(wide[0])}'
    return sentence


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) and " or " not in value else text_of(value)
    text = f"{{{text}}}" if isinstance(value, dict) else text
    return text if len(text) <= 80 else text[:77] + "..."


def _known_keys(model: type[BaseModel], location: tuple[Key, ...]) -> list[str]:
    """The keys that the model knows at a location."""
    annotation: Any = model
    for key in location:
        annotation = _below(annotation, key)
    annotation = _bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [field.alias or name for name, field in annotation.model_fields.items()]
    return []


def _below(annotation: Any, key: Key) -> Any:
    annotation = _bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        annotation = _bare(annotation.model_fields["root"].annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if key in (name, field.alias):
                return field.annotation
        return None
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0]
    return None


def _bare(annotation: Any) -> Any:
    """An annotation without `Annotated` and `None`."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            annotation = next(option for option in get_args(annotation) if option is not type(None))
        else:
            return annotation
