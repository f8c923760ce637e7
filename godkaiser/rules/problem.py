"""What pydantic finds wrong with a field, as people say it."""

from __future__ import annotations

from typing import Final

from pydantic_core import ErrorDetails

_WORDS: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not known here: a slip of the pen, or it belongs elsewhere",
    "too_short": "is empty; at least {min_length} must be there",
    "too_long": "has {actual_length} entries; at most {max_length} are possible",
    "string_too_short": "is too short; at least {min_length} characters",
    "string_too_long": "is too long; at most {max_length} characters",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "model_type": "must be an object with fields",
    "model_attributes_type": "must be an object with fields",
}


def problem_of(found: ErrorDetails) -> str:
    """One clause about the field, without its name; what has no words here keeps pydantic's."""
    words = _WORDS.get(found["type"])
    return (
        found["msg"].removeprefix("Value error, ") if words is None else words.format(**found.get("ctx", {}))
    )
