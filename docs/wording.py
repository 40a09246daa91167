"""How the reference pages put code into words: types, units, names, tables. Called by the modules beside it."""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import SecretStr

BAR = r"\|"
NOTICE = "<!-- Written by `make docs` from the code; change the code instead. -->"
# A longer set is named instead; its values stand on the page of codes.
LISTED_VALUES_MAX = 12

UNITS = {
    "_at_ms": "moment, in milliseconds since 1970 UTC",
    "_until_ms": "moment, in milliseconds since 1970 UTC",
    "deadline_ms": "moment, in milliseconds since 1970 UTC",
    "_ms": "milliseconds",
    "_s": "seconds",
    "_micro": "micro-credits",
    "_mb": "MiB",
    "_bytes": "bytes",
    "_sha256": "SHA-256 in hexadecimal",
    "_digest": "digest, as `sha256:…`",
    "_version": "version",
}
KINDS: dict[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "yes or no",
    bytes: "bytes",
    datetime: "moment in UTC",
    type(None): "nothing",
    Path: "path",
    SecretStr: "text, kept secret",
}


def kind(annotation: Any, name: str) -> str:
    """What a field holds, in words: its type, and the unit that the end of its name tells."""
    unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
    if name.endswith("_id"):
        unit = f"id of the {words(name.removesuffix('_id'))}"
    word = type_words(annotation)
    plain, _, rest = word.partition(" or ")
    if unit and plain in {"text", "whole number"}:
        return f"{unit}, or {rest}" if rest else unit
    return f"{word}, {unit}" if unit else word


def type_words(annotation: Any) -> str:
    if isinstance(annotation, typing.NewType):
        return type_words(annotation.__supertype__)
    if annotation in KINDS:
        return KINDS[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return one_of([str(argument) for argument in arguments])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_words(argument) for argument in arguments)
    if origin is not None and arguments:
        return container_words(origin, [a for a in arguments if a is not Ellipsis])
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return one_of([str(member) for member in annotation], annotation.__name__)
    if dataclasses.is_dataclass(annotation):
        return "object of " + ", ".join(f"`{field.name}`" for field in dataclasses.fields(annotation))
    return words(getattr(annotation, "__name__", str(annotation)))


def container_words(origin: Any, arguments: list[Any]) -> str:
    inner = [type_words(argument) for argument in arguments]
    if issubclass(origin, Mapping):
        return f"table from {inner[0]} to {inner[1]}"
    return f"list, each {' and '.join(inner)}" if issubclass(origin, Collection) else inner[0]


def one_of(values: Sequence[str], name: str = "") -> str:
    if len(values) > LISTED_VALUES_MAX:
        return f"one of the codes of {words(name)}"
    return "one of " + ", ".join(f"`{value}`" for value in values)


def words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()


def sentence(text: str) -> str:
    text = text.replace("_", " ")
    return (text[:1].upper() + text[1:]).replace("Api ", "API ")


def first_paragraph(module: ModuleType) -> str:
    return unwrapped(inspect.cleandoc(module.__doc__ or "").partition("\n\n")[0])


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(
        f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"
        for cells in (head, ["---"] * len(head), *rows)
    )


def paragraphs(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
