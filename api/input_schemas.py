"""Job inputs held against the schema of their cargo, field by field.

Called for every submission and, for the schema itself, when a cargo is published. Schemas are JSON Schema 2020-12; a
reference out of the document is never fetched. The work is bounded in time, because schemas are written by strangers.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from api.cpu_limit import CpuLimitExceeded, cpu_limit
from api.errors import ApiError, ErrorCode, invalid

VALIDATORS_CACHED_MAX: Final = 500
CHECK_CPU_S: Final = 0.25
PROBLEMS_MAX: Final = 10
RULE_CHARACTERS_MAX: Final = 200
SCHEMA_BYTES_MAX: Final = 64 * 1024


class InputSchemas:
    def __init__(self) -> None:
        self._validators: OrderedDict[tuple[str, str], Draft202012Validator] = OrderedDict()

    def check(self, slug: str, version: str, schema: str, value: Any) -> None:
        """Raises `ApiError` (invalid) naming each wrong field of `value` and the rule it breaks."""
        validator = self._validator(slug, version, schema)
        try:
            with cpu_limit(CHECK_CPU_S):
                problems = dict(_problems(validator, value))
        except (CpuLimitExceeded, RecursionError, Unresolvable) as error:
            raise invalid("input", "the cargo's schema takes too long or cannot be followed") from error
        if problems:
            field, rules = next(iter(problems.items()))
            raise ApiError(ErrorCode.INVALID, f"{field}: {rules[0]}", fields=problems)

    def _validator(self, slug: str, version: str, schema: str) -> Draft202012Validator:
        validator = self._validators.get((slug, version))
        if validator is None:
            validator = Draft202012Validator(json.loads(schema), registry=Registry())
            self._validators[slug, version] = validator
        self._validators.move_to_end((slug, version))
        while len(self._validators) > VALIDATORS_CACHED_MAX:
            self._validators.popitem(last=False)
        return validator


def _problems(validator: Draft202012Validator, value: Any) -> Iterator[tuple[str, list[str]]]:
    for number, error in enumerate(validator.iter_errors(value)):
        if number >= PROBLEMS_MAX:
            return
        # Of an `anyOf` the part that came closest says most.
        closest = best_match(iter([error])) or error
        yield _field(closest), [_rule(closest)]


def _field(error: ValidationError) -> str:
    return ".".join(["input", *(str(part) for part in error.absolute_path)])[:RULE_CHARACTERS_MAX]


def _rule(error: ValidationError) -> str:
    message = error.message
    return message if len(message) <= RULE_CHARACTERS_MAX else f"breaks the rule `{error.validator}`"


def check_schema(field: str, schema: Mapping[str, Any]) -> str:
    """The schema as text. Raises `ApiError` (invalid) where it is no JSON Schema 2020-12 or too large."""
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > SCHEMA_BYTES_MAX:
        raise invalid(field, f"at most {SCHEMA_BYTES_MAX} bytes")
    try:
        with cpu_limit(CHECK_CPU_S):
            Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise invalid(field, error.message[:RULE_CHARACTERS_MAX]) from error
    except (CpuLimitExceeded, RecursionError) as error:
        raise invalid(field, "takes too long to check") from error
    return text
