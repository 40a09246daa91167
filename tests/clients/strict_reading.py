"""How a client with closed types reads an answer: a missing field, a null or a wrong type is an error.

Shared by the stand-ins for the published clients.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

Kinds = type | tuple[type, ...]


class Unreadable(Exception):
    """The client would have failed here."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A closed set of words."""

    words: Collection[str]


@dataclass(frozen=True, slots=True)
class ListOf:
    form: Mapping[str, Any]


NUMBER = (int, float)


def read(value: Any, form: Mapping[str, Any], where: str = "data") -> dict[str, Any]:
    """The object, if it has this form. A name that ends in `?` may be missing and is never null."""
    if not isinstance(value, dict):
        raise Unreadable(f"{where}: {type(value).__name__} is no object")
    for name, kind in form.items():
        field = name.removesuffix("?")
        if field not in value:
            if name.endswith("?"):
                continue
            raise Unreadable(f"{where}.{field}: is missing")
        read_field(value[field], kind, f"{where}.{field}")
    return value


def read_field(value: Any, kind: Any, where: str) -> None:
    match kind:
        case OneOf(words=words):
            if value not in words:
                raise Unreadable(f"{where}: {value!r} is none of {sorted(words)}")
        case ListOf(form=form):
            if not isinstance(value, list):
                raise Unreadable(f"{where}: is no list")
            for number, one in enumerate(value):
                read(one, form, f"{where}[{number}]")
        case Mapping():
            read(value, kind, where)
        case _:
            is_number_for_bool = isinstance(value, bool) and kind is not bool
            if is_number_for_bool or not isinstance(value, kind):
                raise Unreadable(f"{where}: {value!r} is no {kind}")
